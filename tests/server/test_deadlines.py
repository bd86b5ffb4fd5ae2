"""Deadlines for head, body, writing and idling; 0 switches each of them off."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from harness import Client, Server, build_request, wait_until

Serve = Callable[..., Server]
MODES = [("-k", "sync"), ("--threads", "2")]
HALF_BODY = build_request("POST", "/echo", {"Content-Length": "1000"}, b"x" * 500)

EXPIRING = [
    ("--header-timeout", b"GET /ec", 408),
    ("--header-timeout", b"GET / HTTP/1.1\r\nHost: a.test\r\n", 408),
    ("--header-timeout", b"", None),
    ("--body-timeout", HALF_BODY, 408),
    ("--body-timeout", build_request("POST", "/echo", {"Transfer-Encoding": "chunked"}) + b"3e8\r\nxx", 408),
    ("--body-timeout", build_request("POST", "/echo", {"Content-Length": "5"}), 408),
]


@pytest.mark.gunicorn_fails("nothing to read within", case="--header-timeout-GET /ec-408-options0")
@pytest.mark.parametrize("options", MODES)
@pytest.mark.parametrize("setting, raw, status", EXPIRING)
def test_expires(
    serve: Serve, options: tuple[str, ...], setting: str, raw: bytes, status: int | None
) -> None:
    server = serve(*options, setting, "1", "large_body:app")
    started = time.monotonic()
    with server.client(5.0) as client:
        client.send(raw)
        response = client.try_response()
        assert 0.8 < time.monotonic() - started < 5.0
        assert (response and response.status) == status
        if response is not None:
            assert response.wants_close()
        assert client.read_to_end() == b""


def test_trickling_a_head_does_not_extend_its_deadline(serve: Serve) -> None:
    server = serve("--header-timeout", "1", "hello:app")
    with server.client(5.0) as client:
        started = time.monotonic()
        for byte in b"GET / HTTP/1.1\r\nX-A: " + b"a" * 100:
            client.send(bytes([byte]))
            if client.is_readable(0.1):
                break
        assert time.monotonic() - started < 6.0
        assert client.read_response().status == 408


def test_trickling_a_body_does_extend_its_deadline(serve: Serve) -> None:
    """The body's deadline is between two pieces; a slow but steady upload is served."""
    server = serve("--body-timeout", "3", "large_body:app")
    with server.client() as client:
        client.send(build_request("POST", "/echo", {"Content-Length": "8"}))
        for byte in b"patience":
            assert not client.is_readable(0.5)
            client.send(bytes([byte]))
        assert client.read_response().body == b"patience"


@pytest.mark.gunicorn_fails("the server to cut the connection", case="options1")
@pytest.mark.parametrize("options", MODES)
def test_write_deadline(serve: Serve, options: tuple[str, ...]) -> None:
    """A client that does not read its response is cut off, and an application that waits for it goes on."""
    server = serve(*options, "--write-timeout", "1", "oracle:app")
    assert server.address is not None
    with Client(server.address, rcvbuf_bytes=4096) as stuck:
        stuck.send(build_request("GET", "/big"))
        started = time.monotonic()
        with server.client() as client:
            assert client.get("/echo").status == 200
        assert time.monotonic() - started < 5.0
        wait_until(lambda: not is_established(stuck), "the server to cut the connection")
        assert len(stuck.read_to_end()) < 50_000_000


def is_established(client: Client) -> bool:
    """Whether TCP still sees a peer (tcp(7), TCP_INFO: state 1); unlike reading, this does not help the
    server on."""
    return client.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x01"


@pytest.mark.parametrize("options", MODES)
@pytest.mark.parametrize("setting, raw", [("--header-timeout", b"GET / HT"), ("--body-timeout", HALF_BODY)])
def test_off(serve: Serve, options: tuple[str, ...], setting: str, raw: bytes) -> None:
    """With 0 nothing expires: the client is still waited for after what the other tests call late."""
    server = serve(*options, setting, "0", "large_body:app")
    with server.client() as client:
        client.send(raw)
        assert not client.is_readable(1.5)
        client.send(b"y" * 500 if raw is HALF_BODY else b"TP/1.1\r\nHost: a\r\n\r\n")
        assert client.read_response().status == 200
