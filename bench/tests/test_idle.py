"""Idle connections: opened and answered, counted where the server ended them; limits are restored."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Iterator

import pytest
from sidebyside import idle
from sidebyside.idle import IdleConnections, many_files
from sidebyside.load import LoadFailed
from sidebyside.peers import Unavailable

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Answering:
    """A server that answers one request on each connection and keeps all of them."""

    def __init__(self, answer: bytes) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.kept: list[socket.socket] = []
        self._answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            while True:
                connection, _ = self.listener.accept()
                self.kept.append(connection)
                connection.recv(65536)
                if self._answer:
                    connection.sendall(self._answer)
                else:
                    connection.close()
        except OSError:
            pass  # the listener was closed: the test is over

    def close(self) -> None:
        self.listener.close()
        for connection in self.kept:
            connection.close()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Answering]:
    made = Answering(getattr(request, "param", ANSWER))
    yield made
    made.close()


def test_connections_that_stay_and_some_that_do_not(server: Answering) -> None:
    with IdleConnections(server.port, "/", 20) as held:
        assert len(server.kept) == 20
        assert held.closed() == 0
        for connection in server.kept[:3]:
            connection.close()
        assert held.closed() == 3


@pytest.mark.parametrize(
    ("server", "says"),
    [(b"", "only 0 of 5 idle connections"), (b"HTTP/1.1 503 No\r\n\r\n", "answered b'HTTP/1.1 503 No'")],
    indirect=["server"],
)
def test_connections_that_are_not_answered(server: Answering, says: str) -> None:
    with pytest.raises(LoadFailed, match=says), IdleConnections(server.port, "/", 5):
        pass


def test_a_server_that_takes_too_long(server: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "OPEN_DEADLINE_S", -1.0)
    with pytest.raises(LoadFailed, match="only 0 of 5 idle connections: not more within"):
        IdleConnections(server.port, "/", 5).__enter__()


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(LoadFailed, match="only 0 of 5"), IdleConnections(port, "/", 5):
        pass


def test_the_limit_of_open_files_is_raised_and_restored() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (600, before[1]))
        with many_files(200):
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (700, before[1])
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (600, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_hard_limit_that_is_too_low_is_a_reason() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        pytest.skip("there is no hard limit")
    with pytest.raises(Unavailable, match=f"the hard limit is {hard}"), many_files(hard):
        pass
