"""A client that decides every byte and every segment it sends, and reads with a deadline.

Called by tests. One Client is one connection; it never reconnects and never retries. A reset by the server is
remembered in `is_reset` and otherwise read as the end of the stream.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from types import TracebackType

from harness.waiting import DEADLINE_S, DeadlineError
from harness.wire import Reader, Response

Address = tuple[str, int] | str
_PAUSED_EDGE_BYTES = 700
_PIECE_PAUSE_S = 0.00005


class Client:
    """One connection to the server under test."""

    def __init__(self, address: Address, deadline_s: float = DEADLINE_S, *, rcvbuf_bytes: int = 0) -> None:
        self.deadline_s = deadline_s
        self.is_reset = False
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if rcvbuf_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf_bytes)
        self.socket.settimeout(deadline_s)
        try:
            self.socket.connect(address)
        except BaseException:
            self.socket.close()
            raise
        self._reader = Reader(self._more)

    @property
    def local_port(self) -> int:
        """The port this connection comes from: REMOTE_PORT as the application sees it."""
        return int(self.socket.getsockname()[1])

    # Sending

    def send(self, data: bytes) -> bool:
        """Send all of it. False if the server has closed the connection meanwhile."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def send_pieces(self, data: bytes, piece_bytes: int) -> bool:
        """Send in segments of `piece_bytes`, with a pause that lets the server read each of them by itself.

        Only both ends of long data are cut that finely; the middle goes in odd-sized longer pieces without
        pauses, since what matters is where a line, a length or a body is cut.
        """
        edge = _PAUSED_EDGE_BYTES
        middle = data[edge:-edge] if len(data) > 2 * edge else b""
        first, last = (data[:edge], data[-edge:]) if middle else (data, b"")
        return (
            self._send_cut(first, piece_bytes, _PIECE_PAUSE_S)
            and self._send_cut(middle, piece_bytes * 509, 0)
            and self._send_cut(last, piece_bytes, _PIECE_PAUSE_S)
        )

    def _send_cut(self, data: bytes, piece_bytes: int, pause_s: float) -> bool:
        for start in range(0, len(data), piece_bytes):
            if not self.send(data[start : start + piece_bytes]):
                return False
            if pause_s:
                time.sleep(pause_s)
        return True

    def shutdown_write(self) -> None:
        """Send FIN, keep reading."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    # Receiving

    def _more(self) -> bytes:
        try:
            return self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            self.is_reset = True
            return b""
        except TimeoutError:
            seen = bytes(self._reader.buffer[-500:])
            raise DeadlineError(f"nothing to read within {self.deadline_s} s, after {seen!r}") from None

    def read_response(self, method: str = "GET", close_body_max: int | None = None) -> Response:
        """Read one final response, with the interim ones before it."""
        response = self._reader.read_response(method, close_body_max)
        if response is None:
            raise DeadlineError("the connection was closed without a response" + " (reset)" * self.is_reset)
        return response

    def try_response(self, method: str = "GET", close_body_max: int | None = None) -> Response | None:
        """As `read_response`; None if the connection ends without another byte."""
        return self._reader.read_response(method, close_body_max)

    def read_bytes(self, count: int) -> bytes:
        """Exactly `count` bytes as they come, or fewer at the end of the stream."""
        while len(self._reader.buffer) < count and (piece := self._more()):
            self._reader.buffer += piece
        taken = bytes(self._reader.buffer[:count])
        del self._reader.buffer[:count]
        return taken

    def read_to_end(self) -> bytes:
        """Everything up to the end of the stream."""
        while piece := self._more():
            self._reader.buffer += piece
        taken = bytes(self._reader.buffer)
        self._reader.buffer.clear()
        return taken

    def is_readable(self, wait_s: float = 0.0) -> bool:
        """Whether there is something to read (data or the end) within `wait_s`."""
        return bool(self._reader.buffer) or bool(select.select([self.socket], [], [], wait_s)[0])

    # Both

    def request(
        self,
        method: str = "GET",
        target: str = "/",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        version: str = "1.1",
    ) -> Response:
        """Send one request, Content-Length included if there is a body, and read its response."""
        self.send(build_request(method, target, headers, body, version))
        return self.read_response(method)

    def get(self, target: str = "/", headers: dict[str, str] | None = None) -> Response:
        """GET and read the response."""
        return self.request("GET", target, headers)

    # End

    def rst(self) -> None:
        """Close with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def build_request(
    method: str = "GET",
    target: str = "/",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    version: str = "1.1",
) -> bytes:
    """A request as bytes, with Host, and with Content-Length if there is a body and no Transfer-Encoding."""
    fields = {"Host": "a.test", **(headers or {})}
    if body is not None and not any(
        name.lower() in ("transfer-encoding", "content-length") for name in fields
    ):
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {target} HTTP/{version}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def build_chunks(body: bytes, size: int) -> bytes:
    """A body in chunked coding, in chunks of `size` bytes."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
