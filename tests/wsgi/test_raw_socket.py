"""gunicorn.socket: the application takes the connection over, as WebSocket libraries for WSGI do."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from simple_websocket import Client as WebSocket

from harness import Server


def test_raw_upgrade(shared: Callable[..., Server]) -> None:
    server = shared("raw_socket:app")
    workers = server.workers()
    with server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        response = client.read_response()
        assert (response.status, response.header("upgrade")) == (101, "echo")
        client.send(b"one\ntwo\n")
        assert client.read_bytes(18) == b"echo one\necho two\n"
        client.send(b"bye\n")
        assert client.read_to_end().startswith(b"echo bye\n")
    assert server.workers() == workers


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve("--threads", "4", "flask_sock_echo:app")


def test_flask_sock(server: Server) -> None:
    sockets = [WebSocket.connect(f"ws://127.0.0.1:{server.port}/echo") for _ in range(3)]
    for round_number in range(3):
        for number, socket in enumerate(sockets):
            message = json.dumps([round_number, number, "x" * 1000])
            socket.send(message)
            assert socket.receive(timeout=10) == message
    with server.client() as client:
        assert client.get("/").body == b"page"
    for socket in sockets:
        socket.close()
    with server.client() as client:
        assert client.get("/").body == b"page"


HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
# RFC 6455 section 5.2: the text "hi", from a client (masked with zeros) and from a server.
FROM_CLIENT, FROM_SERVER = b"\x81\x82\0\0\0\0hi", b"\x81\x02hi"


@pytest.mark.parametrize("is_polite", [True, False])
def test_flask_sock_client_vanishes(server: Server, is_polite: bool) -> None:
    """A thread that served a WebSocket is free again when its client is gone: there are four, and eight
    leave.
    """
    workers = server.workers()
    for _ in range(8):
        with server.client() as client:
            assert client.request("GET", "/echo", HANDSHAKE).status == 101
            client.send(FROM_CLIENT)
            assert client.read_bytes(len(FROM_SERVER)) == FROM_SERVER
            if not is_polite:
                client.rst()
    with server.client() as client:
        assert client.get("/").body == b"page"
    assert server.workers() == workers
