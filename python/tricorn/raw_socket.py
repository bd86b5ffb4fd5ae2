"""`gunicorn.socket`: the client's connection as a Python socket, for code that speaks for itself
(WebSockets).

The bridge calls `open_socket` when an application first looks at `environ["gunicorn.socket"]`. The
connection is closed
when the request ends.
"""

import socket
from typing import Any

from .tls_facts import TlsFacts


def open_socket(fd: int, pending: bytes) -> "ConnectionSocket":
    """A blocking socket over `fd`, which it owns; `pending` was read from it already and comes first."""
    connection = ConnectionSocket(fileno=fd)
    connection.setblocking(True)
    connection.pending = pending
    return connection


def open_secure(descriptors: tuple[int, int], facts: TlsFacts) -> "SecureSocket":
    """A blocking socket that carries the plaintext of a TLS connection.

    `descriptors`, which it owns: one end of a socket pair whose other end the server encrypts, and the
    client's own socket.
    """
    plaintext, client = descriptors
    connection = SecureSocket(fileno=plaintext)
    connection.setblocking(True)
    connection.client = socket.socket(fileno=client)
    connection.facts = facts
    return connection


class ConnectionSocket(socket.socket):
    """A socket whose first bytes may have been read by the server."""

    pending: bytes = b""

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """As `socket.recv`, what is pending first."""
        if not self.pending:
            return super().recv(bufsize, flags)
        data = self.pending[:bufsize]
        if not flags & socket.MSG_PEEK:
            self.pending = self.pending[len(data) :]
        return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As `socket.recv_into`, what is pending first."""
        if not self.pending:
            return super().recv_into(buffer, nbytes, flags)
        view = memoryview(buffer).cast("B")
        data = self.recv(min(nbytes or len(view), len(view)), flags)
        view[: len(data)] = data
        return len(data)


class SecureSocket(socket.socket):
    """The plaintext of a TLS connection. It answers the questions of `ssl.SSLSocket`; addresses and options
    are those of the client's socket.
    """

    client: socket.socket
    facts: TlsFacts

    def __getattr__(self, name: str) -> Any:
        """What `ssl.SSLSocket` has beyond a socket's own attributes."""
        if name in ("client", "facts"):  # not there yet, or no more
            raise AttributeError(name)
        return getattr(self.facts, name)

    def getpeername(self) -> Any:
        """The client's address."""
        return self.client.getpeername()

    def getsockname(self) -> Any:
        """The address it connected to."""
        return self.client.getsockname()

    def getsockopt(self, *arguments: Any) -> Any:
        """Of the client's socket."""
        return self.client.getsockopt(*arguments)

    def setsockopt(self, *arguments: Any) -> None:
        """On the client's socket."""
        self.client.setsockopt(*arguments)

    def unwrap(self) -> socket.socket:
        """Not supported: TLS lasts as long as the connection."""
        raise OSError("the server ends TLS when it closes the connection")

    def close(self) -> None:
        """Close both."""
        if (client := self.__dict__.get("client")) is not None:
            client.close()
        super().close()
