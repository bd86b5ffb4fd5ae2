"""What an application may ask of `gunicorn.socket` about TLS: the questions that `ssl.SSLSocket` answers.

The bridge makes one `TlsFacts` per request that asks. They are answered without touching the connection, so
that asking for the client's certificate and then responding as usual works.
"""

import contextlib
import os
import ssl
from typing import Any


class TlsFacts:
    """The negotiated parameters of a connection and the client's certificate."""

    server_side = True
    server_hostname = None

    def __init__(self, values: dict[str, Any], certificate: bytes | None) -> None:
        """`values`: version, cipher, bits and protocol. `certificate`: the client's in DER, verified."""
        self._values = values
        self._certificate = certificate

    def getpeercert(self, binary_form: bool = False) -> dict[str, Any] | bytes | None:
        """The client's certificate: in DER if `binary_form`, else decoded; None if it sent none."""
        if self._certificate is None or binary_form:
            return self._certificate
        return _decoded(self._certificate)

    def cipher(self) -> tuple[str, str, int]:
        """Name, protocol and bits of the cipher."""
        return self._values["cipher"], self._values["version"], int(self._values["bits"])

    def version(self) -> str:
        """`TLSv1.2` or `TLSv1.3`."""
        return str(self._values["version"])

    def selected_alpn_protocol(self) -> str | None:
        """The protocol that both sides named."""
        protocol: str | None = self._values["protocol"]
        return protocol

    def selected_npn_protocol(self) -> None:
        """NPN is no more."""

    def compression(self) -> None:
        """There is none."""


def _decoded(certificate: bytes) -> dict[str, Any]:
    """The dict that `SSLSocket.getpeercert` gives. The only decoder of the standard library reads a file."""
    descriptor = os.memfd_create("certificate")
    with contextlib.closing(os.fdopen(descriptor, "w", encoding="ascii")) as file:
        file.write(ssl.DER_cert_to_PEM_cert(certificate))
        file.flush()
        decode = ssl._ssl._test_decode_cert  # type: ignore[attr-defined]
        found: dict[str, Any] = decode(f"/proc/self/fd/{descriptor}")
    return found
