"""The server's own error pages, byte for byte, and the log line beside each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import Server

PAGE = (
    "<html>\n  <head>\n    <title>{reason}</title>\n  </head>\n  <body>\n    <h1><p>{reason}</p></h1>\n"
    "    {message}\n  </body>\n</html>\n"
)
REASONS = {
    400: "Bad Request",
    414: "URI Too Long",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
}
LINE_MAX = 4094

CASES = [
    (b"GET  / HTTP/1.1\r\n\r\n", 400, None),
    (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400, None),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX A: 1\r\n\r\n", 400, None),
    (b"GET / HTTP/1.1\r\nHost: a\r\n<b>: 1\r\n\r\n", 400, None),
    (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, None),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431, None),
    (
        b"GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n",
        417,
        "Unable to comply with expectation: &#x27;tea&#x27;",
    ),
]


@pytest.mark.parametrize("raw, status, message", CASES)
def test_page(shared: Callable[..., Server], raw: bytes, status: int, message: str | None) -> None:
    server = shared("hello:app")
    mark = server.stderr.mark()
    with server.client() as client:
        client.send(raw)
        response = client.read_response()
        assert client.read_to_end() == b""
        assert not client.is_reset
    check_page(response.head, response.body.decode("latin-1"), status, message)
    server.stderr.wait_for("\\[WARNING\\] Invalid request from ip=127.0.0.1: ", since=mark)
    assert "Traceback" not in server.stderr.text(mark)


def test_page_of_an_application_error(shared: Callable[..., Server]) -> None:
    server = shared("raises:app")
    mark = server.stderr.mark()
    with server.client() as client:
        response = client.get("/RuntimeError?secret")
    check_page(response.head, response.body.decode("latin-1"), 500, "")
    server.stderr.wait_for("\\[ERROR\\] Error handling request (GET )?/RuntimeError\\?secret", since=mark)
    server.stderr.wait_for("^RuntimeError: the application raised RuntimeError", since=mark)
    assert server.stderr.text(mark).count("Traceback (most recent call last)") == 1


def check_page(head: bytes, body: str, status: int, message: str | None) -> None:
    reason = REASONS[status]
    lines = head.decode("latin-1").split("\r\n")
    assert lines[0] == f"HTTP/1.1 {status} {reason}"
    assert lines[1:] == [
        "Connection: close",
        "Content-Type: text/html",
        f"Content-Length: {len(body)}",
        "",
        "",
    ]
    if message is None:
        before, _, after = PAGE.format(reason=reason, message="\0").partition("\0")
        assert body.startswith(before)
        assert body.endswith(after)
        assert "<b>" not in body
    else:
        assert body == PAGE.format(reason=reason, message=message)


def test_page_with_a_long_request_line(shared: Callable[..., Server]) -> None:
    """The limit counts the whole line without its end; one byte less is served."""
    prefix, suffix = "GET /", " HTTP/1.1"
    fitting = LINE_MAX - len(prefix) - len(suffix)
    with shared("hello:app").client() as client:
        client.send(f"{prefix}{'a' * fitting}{suffix}\r\nHost: a\r\n\r\n".encode())
        assert client.read_response().status == 200
        client.send(f"{prefix}{'a' * (fitting + 1)}{suffix}\r\nHost: a\r\n\r\n".encode())
        assert client.read_response().status == 414
