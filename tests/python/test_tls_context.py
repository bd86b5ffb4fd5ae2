"""What the hook `ssl_context` can ask for, as it is read back from its context."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from tricorn.errors import ContextError
from tricorn.tls_context import RememberingContext, read_context

Change = Callable[[RememberingContext], object]


@pytest.fixture
def cfg(tmp_path: Path) -> SimpleNamespace:
    """The settings of a server with a certificate, as hooks see them."""
    authority = trustme.CA()
    made = authority.issue_cert("a.test")
    files = {name: str(tmp_path / name) for name in ("cert.pem", "key.pem", "ca.pem")}
    made.cert_chain_pems[0].write_to_path(files["cert.pem"])
    made.private_key_pem.write_to_path(files["key.pem"])
    authority.cert_pem.write_to_path(files["ca.pem"])
    return SimpleNamespace(
        certfile=files["cert.pem"],
        keyfile=files["key.pem"],
        ca_certs=files["ca.pem"],
        cert_reqs=0,
        ciphers=None,
    )


def read(cfg: SimpleNamespace, change: Change) -> dict[str, Any]:
    def hook(given: Any, factory: Callable[[], Any]) -> Any:
        assert given is cfg
        context = factory()
        change(context)
        return context

    return dict(read_context(hook, cfg))


def set_version(name: str, version: ssl.TLSVersion) -> Change:
    return lambda context: setattr(context, name, version)


def add_option(option: ssl.Options) -> Change:
    def add(context: RememberingContext) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.options |= option

    return add


READ: list[tuple[Change, dict[str, object]]] = [
    (lambda context: None, {"cert_reqs": 0, "ciphers": None, "has_tls12": True, "has_tickets": True}),
    (set_version("minimum_version", ssl.TLSVersion.TLSv1_3), {"has_tls12": False, "has_tls13": True}),
    (set_version("maximum_version", ssl.TLSVersion.TLSv1_2), {"has_tls12": True, "has_tls13": False}),
    (add_option(ssl.OP_NO_TLSv1_3), {"has_tls12": True, "has_tls13": False}),
    (add_option(ssl.OP_NO_TLSv1_2), {"has_tls12": False, "has_tls13": True}),
    (add_option(ssl.OP_NO_TICKET), {"has_tickets": False}),
    (lambda context: setattr(context, "verify_mode", ssl.CERT_REQUIRED), {"cert_reqs": 2}),
    (lambda context: context.set_ciphers("ECDHE+AESGCM"), {"ciphers": "ECDHE+AESGCM"}),
    (lambda context: context.set_alpn_protocols(["h2", "http/1.1"]), {"has_tls13": True}),
    (lambda context: setattr(context, "sni_callback", None), {"has_tls13": True}),
]


@pytest.mark.parametrize("change, expected", READ)
def test_read_back(cfg: SimpleNamespace, change: Change, expected: dict[str, object]) -> None:
    found = read(cfg, change)
    assert {name: found[name] for name in expected} == expected
    assert (found["certfile"], found["keyfile"]) == (cfg.certfile, cfg.keyfile)
    assert found["cafile"] == cfg.ca_certs


def test_other_files(cfg: SimpleNamespace, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(Path(cfg.keyfile).read_bytes() + Path(cfg.certfile).read_bytes())
    found = read(cfg, lambda context: context.load_cert_chain(both))
    assert (found["certfile"], found["keyfile"]) == (str(both), None)


REFUSED: list[tuple[Change, str]] = [
    (lambda context: context.load_default_certs(), "the system's authorities"),
    (lambda context: context.set_alpn_protocols(["h2"]), "ALPN"),
    (lambda context: context.set_ecdh_curve("prime256v1"), "curves"),
    (lambda context: context.set_servername_callback(print), "SNI"),
    (lambda context: setattr(context, "verify_flags", ssl.VERIFY_CRL_CHECK_LEAF), "revocation lists"),
]


@pytest.mark.parametrize("change, text", REFUSED)
def test_refused(cfg: SimpleNamespace, change: Change, text: str) -> None:
    with pytest.raises(ContextError, match=text):
        read(cfg, change)


@pytest.mark.parametrize(
    "result, text",
    [
        (None, "not NoneType"),
        (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "cannot be read back"),
        (RememberingContext(), "loads no certificate"),
    ],
)
def test_what_is_returned(cfg: SimpleNamespace, result: object, text: str) -> None:
    with pytest.raises(ContextError, match=text):
        read_context(lambda given, factory: result, cfg)
