"""Keep-alive connections that are open and ask nothing: each was answered once, and then only costs memory.

Called by measure.py. It holds them and says how many the server has closed meanwhile; what they cost is read
elsewhere. They come from another loopback address than the load, so that ports which linger after their end
(TIME-WAIT) are never those that the next server or wrk wants.
"""

from __future__ import annotations

import resource
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sidebyside.load import LoadFailed
from sidebyside.peers import Unavailable
from sidebyside.tail import answer_bytes

SOURCE = "127.0.0.2"
IP_BIND_ADDRESS_NO_PORT = 24  # ip(7): the port is chosen by connect(2), per destination
OPEN_DEADLINE_S = 60.0  # for all of them: some servers look at each one whenever one of them is busy
ANSWER_DEADLINE_S = 20.0
SPARE_FILES = 500


@contextmanager
def many_files(connections: int) -> Iterator[None]:
    """Inside it this process, and servers it starts, may hold so many connections. Raises Unavailable."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + SPARE_FILES
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise Unavailable(f"needs {needed} open files, and the hard limit is {hard} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class IdleConnections:
    """A context manager: inside it `count` answered connections to `port` are open."""

    def __init__(self, port: int, path: str, count: int) -> None:
        self._port = port
        self._request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self._count = count
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> IdleConnections:
        try:
            deadline = time.monotonic() + OPEN_DEADLINE_S
            while len(self._sockets) < self._count:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not more within {OPEN_DEADLINE_S:.0f} s")
                self._sockets.append(self._open())
        except OSError as error:
            opened = len(self._sockets)
            self.__exit__()
            raise LoadFailed(f"only {opened} of {self._count} idle connections: {error}") from None
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._sockets:
            connection.close()

    def _open(self) -> socket.socket:
        connection = socket.socket()
        try:
            connection.settimeout(ANSWER_DEADLINE_S)
            connection.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            connection.bind((SOURCE, 0))
            connection.connect(("127.0.0.1", self._port))
            connection.sendall(self._request)
            received = b""
            while answer_bytes(received) is None:
                piece = connection.recv(65536)
                if not piece:
                    raise ConnectionResetError("the server closed one before it had answered")
                received += piece
        except BaseException:
            connection.close()
            raise
        return connection

    def closed(self) -> int:
        """How many the server has closed. Nobody asked anything, so a readable one was ended."""
        poll = select.poll()
        for connection in self._sockets:
            poll.register(connection, select.POLLIN)
        return len(poll.poll(0))
