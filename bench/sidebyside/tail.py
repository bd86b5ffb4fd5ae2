"""The clients of the tail scenario: keep-alive connections, each asking again as soon as it is answered.

Called by measure.py. One thread and one selector, which is ample for a few hundred requests a second. It
reads answers with a Content-Length only, which is what apps/mixed_sleep.py gives.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from sidebyside.central_queue import kinds
from sidebyside.load import LoadFailed

STALL_S = 10.0


@dataclass
class TailResult:
    """Latencies of the measured window in seconds, and how often a server closed a kept connection."""

    fast_s: list[float] = field(default_factory=list)
    slow_s: list[float] = field(default_factory=list)
    reconnects: int = 0


def answer_bytes(received: bytes) -> int | None:
    """Size of the first whole answer in `received`, or None while bytes are missing."""
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    status, *lines = received[:head_end].split(b"\r\n")
    if not status.startswith(b"HTTP/1.1 200"):
        raise LoadFailed(f"a client was answered {status[:60]!r}")
    for line in lines:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            total = head_end + 4 + int(value)
            return total if len(received) >= total else None
    raise LoadFailed("a client was answered without a Content-Length")


class Client:
    """One keep-alive connection and its row of fast and slow requests."""

    def __init__(self, port: int, rows: Iterator[bool]) -> None:
        self._port = port
        self._rows = rows
        self._received = b""
        self.is_slow = False
        self.asked_at = 0.0
        self.socket = self._connect()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=STALL_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def ask(self) -> None:
        self.is_slow = next(self._rows)
        self._send()

    def _send(self) -> None:
        path = b"/slow" if self.is_slow else b"/fast"
        self._received = b""
        self.asked_at = time.perf_counter()
        self.socket.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

    def read(self) -> bool | None:
        """True: answered; False: more bytes are to come; None: the server closed the connection."""
        try:
            piece = self.socket.recv(65536)
        except ConnectionError:
            return None
        if not piece:
            return None
        self._received += piece
        return answer_bytes(self._received) is not None

    def ask_again(self) -> None:
        """Repeats the request on a new connection."""
        self.socket.close()
        self.socket = self._connect()
        self._send()


def run_clients(port: int, clients: int, warm_s: float, measured_s: float) -> TailResult:
    """Runs the clients; a request counts when it was asked after the warm-up and answered before the end."""
    result = TailResult()
    begin = time.perf_counter() + warm_s
    end = begin + measured_s
    with selectors.DefaultSelector() as selector:
        everyone = [Client(port, kinds(f"client {number}")) for number in range(clients)]
        try:
            for client in everyone:
                selector.register(client.socket, selectors.EVENT_READ, client)
                client.ask()
            while time.perf_counter() < end:
                ready = selector.select(STALL_S)
                if not ready:
                    raise LoadFailed(f"no answer within {STALL_S:.0f} s")
                for key, _ in ready:
                    _advance(key.data, selector, result, begin)
        finally:
            for client in everyone:
                client.socket.close()
    if not result.fast_s:
        raise LoadFailed("no fast request was answered")
    return result


def _advance(client: Client, selector: selectors.BaseSelector, result: TailResult, begin: float) -> None:
    outcome = client.read()
    if outcome is None:
        result.reconnects += 1
        selector.unregister(client.socket)
        client.ask_again()
        selector.register(client.socket, selectors.EVENT_READ, client)
    elif outcome:
        if client.asked_at >= begin:
            took = time.perf_counter() - client.asked_at
            (result.slow_s if client.is_slow else result.fast_s).append(took)
        client.ask()
