"""Certificates for tests, and a client that speaks TLS. An authority made here is trusted by nobody else."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path
from typing import Any

import trustme

from harness import Client, Server
from harness.client import Address
from harness.waiting import DEADLINE_S

NAME = "a.test"


class Pki:
    """An authority and the files of one server certificate, which can be replaced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.client_authority = trustme.CA()
        self.certfile, self.keyfile, self.ca_certs = (
            folder / name for name in ("cert.pem", "key.pem", "clients.pem")
        )
        self.client_authority.cert_pem.write_to_path(str(self.ca_certs))
        self.issue(NAME)

    @property
    def options(self) -> tuple[str, ...]:
        """The options of a server that uses the files."""
        return ("--certfile", str(self.certfile), "--keyfile", str(self.keyfile))

    def issue(self, name: str) -> None:
        """Replace certificate and key, each in one step, by fresh ones for `name` (and NAME)."""
        made = self.authority.issue_cert(name, NAME, common_name=name)
        replace(self.certfile, b"".join(blob.bytes() for blob in made.cert_chain_pems))
        replace(self.keyfile, made.private_key_pem.bytes())

    def context(self, *, identity: trustme.LeafCert | None = None) -> ssl.SSLContext:
        """A client's context that trusts the authority; `identity`: the client's own certificate."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if identity is not None:
            identity.configure_cert(context)
        return context

    def client(self, server: Server, context: ssl.SSLContext | None = None, **options: Any) -> SecureClient:
        """A connection to the server, its handshake done."""
        assert server.address is not None
        return SecureClient(server.address, context or self.context(), **options)


def replace(path: Path, content: bytes) -> None:
    """Write a file in one step."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    os.replace(new, path)


class SecureClient(Client):
    """One TLS connection. `before` is sent in the clear, ahead of the handshake."""

    def __init__(
        self,
        address: Address,
        context: ssl.SSLContext,
        *,
        before: bytes = b"",
        session: ssl.SSLSession | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        super().__init__(address, deadline_s)
        plain: socket.socket = self.socket
        try:
            plain.sendall(before)
            self.tls = context.wrap_socket(plain, server_hostname=NAME, session=session)
        except BaseException:
            plain.close()
            raise
        self.socket = self.tls

    def __enter__(self) -> SecureClient:
        return self

    def peer_name(self) -> str:
        """The common name of the server's certificate."""
        certificate: Any = self.tls.getpeercert()
        return str(dict(field[0] for field in certificate["subject"])["commonName"])


def client_context(pki: Pki, low: ssl.TLSVersion, high: ssl.TLSVersion) -> ssl.SSLContext:
    """A client's context for these versions alone."""
    context = pki.context()
    context.minimum_version, context.maximum_version = low, high
    return context


def serves(server: Server, pki: Pki) -> None:
    """A new client is served."""
    with pki.client(server) as client:
        assert client.get("/?kb=1").status == 200
