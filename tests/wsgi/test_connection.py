"""Keep-alive, pipelining, HTTP/1.0 clients, the Connection header, and 100-continue."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import Server, build_request

Shared = Callable[..., Server]


def test_many_requests_on_one_connection(shared: Shared) -> None:
    with shared("hello:app").client() as client:
        for _ in range(200):
            response = client.get("/")
            assert response.body == b"hello, world"
            assert response.header("connection") == "keep-alive"


def test_pipelined_in_order(shared: Shared) -> None:
    with shared("oracle:app").client() as client:
        client.send(b"".join(build_request("GET", f"/echo?{number}") for number in range(50)))
        assert [client.read_response().json()["query"] for _ in range(50)] == [str(n) for n in range(50)]


def test_pipelined_with_bodies(shared: Shared) -> None:
    with shared("oracle:app").client() as client:
        bodies = [b"x" * (number * 37) for number in range(30)]
        client.send(b"".join(build_request("POST", "/echo", body=body) for body in bodies))
        assert [client.read_response().json()["body_len"] for _ in bodies] == [len(body) for body in bodies]


CONNECTIONS = [
    ("1.1", None, True),
    ("1.1", "keep-alive", True),
    ("1.1", "close", False),
    ("1.1", "CLOSE", False),
    ("1.1", "keep-alive, close", False),
    ("1.1", "close, TE", False),
    ("1.1", "TE", True),
    ("1.1", "closed", True),
    ("1.0", None, False),
    ("1.0", "keep-alive", True),
    ("1.0", "Keep-Alive", True),
    ("1.0", "close", False),
    ("1.0", "keep-alive, close", False),
]


@pytest.mark.parametrize("version, connection, is_kept", CONNECTIONS)
def test_connection_header(shared: Shared, version: str, connection: str | None, is_kept: bool) -> None:
    headers = {"Connection": connection} if connection else {}
    with shared("hello:app").client() as client:
        response = client.request("GET", "/", headers, version=version)
        assert response.header("connection") == ("keep-alive" if is_kept else "close")
        if is_kept:
            assert client.request("GET", "/", headers, version=version).body == b"hello, world"
        else:
            assert client.read_to_end() == b""
            assert not client.is_reset


def test_two_connection_lines(shared: Shared) -> None:
    with shared("hello:app").client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n")
        assert client.read_response().header("connection") == "close"
        assert client.read_to_end() == b""


def test_http_10_without_a_length_ends_by_close(shared: Shared) -> None:
    with shared("large_body:app").client() as client:
        response = client.request("GET", "/chunked?kb=100", {"Connection": "keep-alive"}, version="1.0")
        assert response.framing == "close"
        assert len(response.body) == 102400
        assert response.header("transfer-encoding") is None
        assert response.header("connection") == "close"


def test_keep_alive_off(shared: Shared) -> None:
    with shared("--keep-alive", "0", "hello:app").client() as client:
        assert client.get("/").header("connection") == "close"
        assert client.read_to_end() == b""


def test_idle_connection_is_closed_after_keep_alive(shared: Shared) -> None:
    with shared("--keep-alive", "1", "hello:app").client(deadline_s=4.0) as client:
        assert client.get("/").status == 200
        assert client.read_to_end() == b""
        assert not client.is_reset


def test_100_continue(shared: Shared) -> None:
    with shared("oracle:app").client() as client:
        client.send(build_request("POST", "/echo", {"Expect": "100-continue", "Content-Length": "5"}))
        assert client.is_readable(5.0), "no 100 before the body"
        client.send(b"hello")
        response = client.read_response()
        assert [interim.status for interim in response.interim] == [100]
        assert response.json()["body"] == "hello"


def test_response_to_an_upload_that_is_not_read(shared: Shared) -> None:
    """The client gets the whole response although it is still sending: the close lingers, there is no
    reset.
    """
    with shared("--limit-request-body", "100000", "hello:app").client() as client:
        client.send(build_request("POST", "/", {"Content-Length": "90000000"}))
        client.send(b"x" * 1_000_000)
        response = client.read_response()
        assert response.status == 413
        assert response.wants_close()
