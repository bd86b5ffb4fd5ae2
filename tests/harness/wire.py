"""HTTP/1.1 responses as they stand on the wire: bytes in, one Response out, with its framing named.

Called by Client. Strict on purpose (a bare LF, a bad chunk or a body where none may be is an error), since it
judges a server. Knows no sockets: it pulls bytes through the `more` function it is given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) (\d{3}) ?([^\r\n]*)\Z")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*\Z")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[^\r\n]*)?\Z")


class WireError(AssertionError):
    """The server sent bytes that are not a correct HTTP/1.1 response."""


@dataclass
class Response:
    """One final response and the interim (1xx) ones before it. `framing`: length, chunked, close or none."""

    version: str
    status: int
    reason: str
    headers: list[tuple[str, str]]
    interim: list[Response] = field(default_factory=list)
    framing: str = "none"
    body: bytes = b""
    chunks: list[bytes] = field(default_factory=list)
    head: bytes = b""
    is_cut: bool = False

    def header(self, name: str) -> str | None:
        """The value of the only header of that name; None when it is absent, an error when it is repeated."""
        values = self.all(name)
        if len(values) > 1:
            raise WireError(f"{len(values)} headers {name}: {values}")
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """All values of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    def wants_close(self) -> bool:
        """Whether the response itself says that the connection ends after it."""
        words = [word.strip().lower() for value in self.all("connection") for word in value.split(",")]
        return (
            self.framing == "close"
            or "close" in words
            or (self.version == "1.0" and "keep-alive" not in words)
        )


class Reader:
    """Pulls responses out of a byte stream. `more` returns further bytes, b"" at the end of the stream."""

    def __init__(self, more: Callable[[], bytes]) -> None:
        self._more = more
        self.buffer = bytearray()
        self.is_ended = False

    def read_response(self, method: str = "GET", close_body_max: int | None = None) -> Response | None:
        """The next final response, or None if the stream ends before its first byte.

        `close_body_max`: stop a body that only the end of the stream would end after so many bytes.
        """
        interim: list[Response] = []
        while True:
            response = self._read_head()
            if response is None:
                if interim:
                    raise WireError(f"the stream ends after an interim response {interim[-1].status}")
                return None
            if 100 <= response.status < 200 and response.status != 101:
                interim.append(response)
                continue
            response.interim = interim
            self._read_body(response, method, close_body_max)
            return response

    def _read_head(self) -> Response | None:
        while b"\r\n\r\n" not in self.buffer:
            if not self._fill():
                if not self.buffer:
                    return None
                raise WireError(f"the stream ends inside a response head: {bytes(self.buffer)!r}")
        head = self._take(self.buffer.index(b"\r\n\r\n") + 4)
        lines = head[:-4].split(b"\r\n")
        status_line = _STATUS_LINE.match(lines[0])
        if status_line is None:
            raise WireError(f"not a status line: {lines[0]!r}")
        headers = []
        for line in lines[1:]:
            matched = _HEADER.match(line)
            if matched is None:
                raise WireError(f"not a header line: {line!r}")
            headers.append((matched[1].decode("latin-1"), matched[2].decode("latin-1")))
        version, status, reason = (part.decode("latin-1") for part in status_line.groups())
        return Response(version, int(status), reason, headers, head=head)

    def _read_body(self, response: Response, method: str, close_body_max: int | None) -> None:
        """RFC 9112 section 6.3, from the client's side."""
        coding = [value.lower() for value in response.all("transfer-encoding")]
        length = response.header("content-length")
        if coding and length is not None:
            raise WireError(f"Transfer-Encoding beside Content-Length: {response.headers}")
        if method == "HEAD" or response.status in (101, 204, 304):
            return
        if method == "CONNECT" and 200 <= response.status < 300 and length is None and not coding:
            response.framing = "close"
            response.body = self._take_to_end(close_body_max, response)
        elif coding:
            if coding != ["chunked"]:
                raise WireError(f"a transfer coding other than chunked: {coding}")
            response.framing = "chunked"
            self._read_chunks(response, close_body_max)
        elif length is not None:
            if not length.isascii() or not length.isdigit():
                raise WireError(f"not a length: {length!r}")
            response.framing = "length"
            response.body = self._take_exactly(int(length), response)
        else:
            response.framing = "close"
            response.body = self._take_to_end(close_body_max, response)

    def _read_chunks(self, response: Response, body_max: int | None) -> None:
        while True:
            matched = _CHUNK_SIZE.match(self._take_line(response))
            if matched is None:
                raise WireError(f"not a chunk size, after {response.body[-100:]!r}")
            size = int(matched[1], 16)
            if size == 0:
                break
            piece = self._take_exactly(size, response)
            response.chunks.append(piece)
            response.body += piece
            if self._take_exactly(2, response) != b"\r\n":
                raise WireError("a chunk does not end with CRLF")
            if body_max is not None and len(response.body) >= body_max:
                response.is_cut = True
                return
        while self._take_line(response):
            pass

    def _take_line(self, response: Response) -> bytes:
        while b"\r\n" not in self.buffer:
            if not self._fill():
                raise WireError(f"the stream ends inside a chunked body after {len(response.body)} bytes")
        line = self._take(self.buffer.index(b"\r\n") + 2)
        return line[:-2]

    def _take_exactly(self, size: int, response: Response) -> bytes:
        while len(self.buffer) < size:
            if not self._fill():
                raise WireError(
                    f"the stream ends inside a {response.framing} body: {len(self.buffer)} of {size} bytes"
                )
        return self._take(size)

    def _take_to_end(self, size_max: int | None, response: Response) -> bytes:
        while size_max is None or len(self.buffer) < size_max:
            if not self._fill():
                return self._take(len(self.buffer))
        response.is_cut = True
        return self._take(len(self.buffer))

    def _take(self, size: int) -> bytes:
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def _fill(self) -> bool:
        if self.is_ended:
            return False
        piece = self._more()
        if not piece:
            self.is_ended = True
            return False
        self.buffer += piece
        return True
