"""How the application answers: write(), exc_info, generators, pieces, wrong types, too much, too little."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import Response, Server
from harness.wire import WireError

Shared = Callable[..., Server]


def ask(server: Server, target: str, method: str = "GET") -> Response:
    with server.client() as client:
        return client.request(method, target)


WRITES = [
    ("/?abc,", b"abc"),
    ("/?a.b.c,", b"abc"),
    ("/?a.b,c.d", b"abcd"),
    ("/?,c.d", b"cd"),
    ("/?,", b""),
    ("/length?a.b,c.d", b"abcd"),
    ("/length?abcd,", b"abcd"),
    ("/length?,", b""),
]


@pytest.mark.parametrize("target, body", WRITES)
def test_write(shared: Shared, target: str, body: bytes) -> None:
    response = ask(shared("write_callable:app"), target)
    assert (response.status, response.body) == (200, body)
    assert response.framing == ("length" if "length" in target else response.framing)


def test_start_response_inside_a_generator(shared: Shared) -> None:
    response = ask(shared("generator_start_response:app"), "/")
    assert (response.status, response.reason, response.body) == (201, "Created", b"one two")
    assert response.header("x-from") == "generator"


@pytest.mark.parametrize("target", ["/replaced", "/first"])
def test_exc_info_before_the_head_replaces(shared: Shared, target: str) -> None:
    response = ask(shared("exc_info:app"), target)
    assert (response.status, response.reason) == (500, "Oops")
    assert response.all("content-type") == ["text/plain"]
    assert response.header("x-first") is None
    assert response.header("x-second") == "1"
    assert response.body == b"the error page of the application"


@pytest.mark.parametrize("target", ["/after-write", "/after-piece"])
def test_exc_info_after_the_head_raises_and_cuts(shared: Shared, target: str) -> None:
    """The client must see that the response is not whole: fewer bytes than declared, then the end."""
    server = shared("exc_info:app")
    mark = server.stderr.mark()
    with server.client() as client:
        client.send(f"GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
        raw = client.read_to_end()
    head, _, body = raw.partition(b"\r\n\r\n")
    if head:
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert body == b"begun "
    server.stderr.wait_for("RuntimeError: the application failed", since=mark)


@pytest.mark.parametrize("target", ["/", "/none"])
def test_no_start_response(shared: Shared, target: str) -> None:
    server = shared("no_start_response:app")
    mark = server.stderr.mark()
    assert ask(server, target).status == 500
    server.stderr.wait_for("Error handling request", since=mark)


def test_no_start_response_and_no_body(shared: Shared) -> None:
    assert ask(shared("no_start_response:app"), "/empty").status == 500


def test_two_start_responses(shared: Shared) -> None:
    server = shared("two_start_responses:app")
    mark = server.stderr.mark()
    assert ask(server, "/").status == 500
    server.stderr.wait_for("AssertionError: Response headers already set!", since=mark)


@pytest.mark.parametrize("target", ["/list", "/bare"])
def test_text_instead_of_bytes(shared: Shared, target: str) -> None:
    server = shared("returns_str:app")
    mark = server.stderr.mark()
    with server.client() as client:
        client.send(f"GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
        raw = client.read_to_end()
    assert b"text" not in raw.partition(b"\r\n\r\n")[2].replace(b"text/html", b"")
    server.stderr.wait_for("TypeError", since=mark)


def test_text_after_bytes_cuts_the_response(shared: Shared) -> None:
    with shared("returns_str:app").client() as client:
        client.send(b"GET /late HTTP/1.1\r\nHost: a.test\r\n\r\n")
        raw = client.read_to_end()
    assert not raw.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("target, status", [("/first", 500), ("/later", None), ("/length", None)])
def test_iteration_error(shared: Shared, target: str, status: int | None) -> None:
    """Before the head: a whole 500. After it: no last chunk and fewer bytes than declared, then the end."""
    server = shared("iter_exception:app")
    mark = server.stderr.mark()
    with server.client() as client:
        client.send(f"GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
        if status:
            assert client.read_response().status == status
        else:
            with pytest.raises(WireError, match="the stream ends"):
                client.read_response()
    server.stderr.wait_for("RuntimeError: the iteration failed", since=mark)


RAISED = [
    "RuntimeError",
    "ValueError",
    "OSError",
    "FileNotFoundError",
    "ConnectionResetError",
    "BrokenPipeError",
]
RAISED += ["PermissionError", "TimeoutError", "MemoryError", "RecursionError", "KeyError", "EOFError"]


@pytest.mark.parametrize("name", RAISED)
def test_application_error(shared: Shared, name: str) -> None:
    """Every exception of the application is a 500 and a traceback, OSErrors too (Gunicorn just closes on
    those).
    """
    server = shared("raises:app")
    mark = server.stderr.mark()
    assert ask(server, f"/{name}").status == 500
    server.stderr.wait_for(rf"^{name}.*the application raised {name}", since=mark)
    assert server.stderr.text(mark).count("Error handling request") == 1


@pytest.mark.parametrize("name", ["KeyboardInterrupt", "GeneratorExit", "BaseException"])
def test_base_exceptions_do_not_end_the_worker(shared: Shared, name: str) -> None:
    server = shared("raises:app")
    workers = server.workers()
    assert ask(server, f"/{name}").status == 500
    assert server.workers() == workers


def test_too_many_bytes_are_cut(shared: Shared) -> None:
    with shared("length_mismatch:app").client() as client:
        client.send(b"GET /?bytes=30 HTTP/1.1\r\nHost: a.test\r\n\r\n")
        response = client.read_response()
        assert response.body == b"a" * 10
        assert client.read_to_end() == b""


def test_too_few_bytes_end_the_connection(shared: Shared) -> None:
    """The client would wait for the missing bytes, and take the next response for them."""
    with shared("length_mismatch:app").client() as client:
        client.send(b"GET /?bytes=4 HTTP/1.1\r\nHost: a.test\r\n\r\n")
        with pytest.raises(WireError, match="4 of 10 bytes"):
            client.read_response()


@pytest.mark.parametrize("kilobytes", [0, 1, 63, 64, 65, 1024, 5000])
@pytest.mark.parametrize("path", ["/", "/chunked"])
def test_large_bodies(shared: Shared, kilobytes: int, path: str) -> None:
    response = ask(shared("large_body:app"), f"{path}?kb={kilobytes}")
    assert len(response.body) == (kilobytes // 10 * 10 if path == "/chunked" else kilobytes) * 1024
    assert len(set(response.body)) <= 1
    assert response.framing in (["chunked", "length"] if path == "/chunked" else ["length"])


def test_pieces_are_sent_as_they_are_made(serve: Callable[..., Server]) -> None:
    """The first pieces of an endless body arrive although it never ends; no piece of it is empty."""
    with serve("oracle:app").client() as client:
        client.send(b"GET /stream HTTP/1.1\r\nHost: a.test\r\n\r\n")
        response = client.read_response(close_body_max=10_000)
        assert response.framing == "chunked"
        assert all(response.chunks)
        client.rst()


def test_empty_pieces_do_not_end_a_chunked_body(shared: Shared) -> None:
    response = ask(shared("oracle:app"), "/yield-empty-then-data")
    assert response.body == b"data"
    assert b"" not in response.chunks


def test_server_headers(shared: Shared) -> None:
    """Status line, Server, Date and Connection come first; hop-by-hop headers of the application are
    dropped.
    """
    response = ask(shared("hop_by_hop:app"), "/")
    names = [name.lower() for name, _ in response.headers]
    assert names[:3] == ["server", "date", "connection"]
    assert response.header("server") != "mine"
    assert response.header("date") != "never"
    assert response.header("connection") == "keep-alive"
    assert [name for name in names if name in ("keep-alive", "transfer-encoding", "upgrade", "te")] == []
    assert response.headers[3:] == [
        ("Content-Type", "text/plain"),
        ("Content-Length", "5"),
        ("Set-Cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("X-Padded", "padded"),
        ("X-Latin", "caf\xe9"),
    ]
