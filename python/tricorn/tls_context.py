"""The hook `ssl_context`: lets it make its SSLContext, and reads back what rustls can be told.

The bridge calls `read_context` in the master, at start and at a reload, if the hook is set and the server
speaks TLS. An SSLContext keeps its certificate and key to itself, so the factory that the hook gets makes one
that remembers what it was told. It never serves a connection.
"""

import os
import ssl
from collections.abc import Callable
from typing import Any

from .errors import ContextError

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_FOREIGN = (
    "ssl_context must return the context that default_ssl_context_factory() makes, changed as you like: the"
    " certificate of another SSLContext cannot be read back"
)


class RememberingContext(ssl.SSLContext):
    """A server's context that remembers its files, and what was asked of it that the server cannot do."""

    certfile: str | None = None
    keyfile: str | None = None
    cafile: str | None = None
    cipher_list: str | None = None

    def __new__(cls) -> "RememberingContext":
        """A context with Python's defaults for servers."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        context.unsupported = []
        return context

    unsupported: list[str]

    def load_cert_chain(self, certfile: Path, keyfile: Path | None = None, password: Any = None) -> None:
        """As `SSLContext.load_cert_chain`, without passwords."""
        if password is not None:
            self.unsupported.append("a password for the private key")
        super().load_cert_chain(certfile, keyfile, password=_no_password if password is None else password)
        self.certfile = os.fsdecode(certfile)
        self.keyfile = None if keyfile is None else os.fsdecode(keyfile)

    def load_verify_locations(
        self, cafile: Path | None = None, capath: Path | None = None, cadata: Any = None
    ) -> None:
        """As `SSLContext.load_verify_locations`, of one file."""
        if capath is not None or cadata is not None or self.cafile is not None:
            self.unsupported.append("authorities from anywhere but one file")
        super().load_verify_locations(cafile, capath, cadata)
        if cafile is not None:
            self.cafile = os.fsdecode(cafile)

    def load_default_certs(self, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH) -> None:
        """Not supported: who signs client certificates must be said."""
        self.unsupported.append("the system's authorities")

    def set_default_verify_paths(self) -> None:
        """Not supported: who signs client certificates must be said."""
        self.unsupported.append("the system's authorities")

    def set_ciphers(self, cipherlist: str, /) -> None:
        """As `SSLContext.set_ciphers`; the server reads the list itself."""
        super().set_ciphers(cipherlist)
        self.cipher_list = cipherlist

    def set_alpn_protocols(self, alpn_protocols: Any) -> None:
        """As `SSLContext.set_alpn_protocols`; the server speaks http/1.1."""
        if "http/1.1" not in alpn_protocols:
            self.unsupported.append("ALPN protocols without http/1.1")
        super().set_alpn_protocols(alpn_protocols)

    def set_servername_callback(self, server_name_callback: Any) -> None:
        """Not supported: one certificate for all names."""
        self.unsupported.append("a callback for server names (SNI)")

    @property
    def sni_callback(self) -> Any:
        """Always None."""
        return None

    @sni_callback.setter
    def sni_callback(self, value: Any) -> None:
        if value is not None:
            self.set_servername_callback(value)

    def set_ecdh_curve(self, name: str, /) -> None:
        """Not supported."""
        self.unsupported.append("a choice of curves")

    def set_psk_server_callback(self, callback: Any, identity_hint: str | None = None) -> None:
        """Not supported."""
        self.unsupported.append("pre-shared keys")

    def load_dh_params(self, dhfile: Path, /) -> None:
        """Without effect: there are no suites that use them."""


def _no_password() -> str:
    raise ContextError("the private key is encrypted; a server that restarts by itself needs one without")


def read_context(hook: Callable[[Any, Callable[[], ssl.SSLContext]], object], cfg: Any) -> dict[str, object]:
    """Call the hook and say what the context it returns asks for.

    Keys: certfile, keyfile, cafile, ciphers (text or None), cert_reqs (0 to 2), has_tls12, has_tls13,
    has_tickets. Raises ContextError, and whatever the hook raises.
    """
    context = hook(cfg, lambda: make_default(cfg))
    if not isinstance(context, ssl.SSLContext):
        raise ContextError(f"ssl_context must return an SSLContext, not {type(context).__name__}")
    if not isinstance(context, RememberingContext):
        raise ContextError(_FOREIGN)
    unsupported = context.unsupported + list(_unsupported_state(context))
    if unsupported:
        raise ContextError(f"ssl_context asks for what TLS here cannot do: {', '.join(unsupported)}")
    if context.certfile is None:
        raise ContextError("ssl_context loads no certificate")
    return {
        "certfile": context.certfile,
        "keyfile": context.keyfile,
        "cafile": context.cafile,
        "ciphers": context.cipher_list,
        "cert_reqs": int(context.verify_mode),
        "has_tls12": _speaks(context, ssl.TLSVersion.TLSv1_2, ssl.OP_NO_TLSv1_2),
        "has_tls13": _speaks(context, ssl.TLSVersion.TLSv1_3, ssl.OP_NO_TLSv1_3),
        "has_tickets": not context.options & ssl.OP_NO_TICKET,
    }


def make_default(cfg: Any) -> RememberingContext:
    """What the settings say, as Gunicorn's default factory makes it."""
    context = RememberingContext()
    if cfg.ca_certs:
        context.load_verify_locations(cafile=cfg.ca_certs)
    if cfg.certfile:
        context.load_cert_chain(cfg.certfile, cfg.keyfile)
    context.verify_mode = ssl.VerifyMode(cfg.cert_reqs)
    if cfg.ciphers:
        context.set_ciphers(cfg.ciphers)
    return context


def _unsupported_state(context: ssl.SSLContext) -> list[str]:
    found = []
    if context.verify_flags & (ssl.VERIFY_CRL_CHECK_LEAF | ssl.VERIFY_CRL_CHECK_CHAIN):
        found.append("revocation lists")
    if context.keylog_filename is not None:
        found.append("a key log")
    return found


def _speaks(context: ssl.SSLContext, version: ssl.TLSVersion, off: ssl.Options) -> bool:
    lowest, highest = context.minimum_version, context.maximum_version
    is_above = lowest == ssl.TLSVersion.MINIMUM_SUPPORTED or lowest <= version
    is_below = highest == ssl.TLSVersion.MAXIMUM_SUPPORTED or version <= highest
    return is_above and is_below and not context.options & off
