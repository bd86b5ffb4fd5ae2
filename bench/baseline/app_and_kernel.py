"""What the kernel's work between two calls costs the application: its caches, its branch history.

`app_and_kernel.py MODULE:ATTRIBUTE SECONDS` calls a WSGI application without a server. Around each call it
sends a request and a response over a loopback connection, as a server and its client do: once around every
call, once around sixteen calls at a time. It prints the user CPU in microseconds that a call costs above
the application alone and above those system calls: the median of interleaved windows, least and greatest in
brackets. A server that sends each response by itself pays the first, one that gathers them the second.
Started by hand.
"""

from __future__ import annotations

import socket
import statistics
import sys
import time
from collections.abc import Callable
from itertools import islice
from resource import RUSAGE_SELF, getrusage
from typing import Any

from app_alone import CALLS_WARM, call, load

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\n".ljust(170, b"-")
READ_BYTES = 4096
CONNECTIONS = 64
GATHERED = 16
WINDOWS = 15
ROUNDS_BETWEEN_CLOCK_READS = 10

Pair = tuple[socket.socket, socket.socket]
Step = Callable[[Any, list[Pair]], None]


def connect() -> Pair:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    for end in (client, server):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client, server


def exchange(pairs: list[Pair]) -> None:
    for client, server in pairs:
        client.send(REQUEST)
        server.recv(READ_BYTES)
        server.send(RESPONSE)
        client.recv(READ_BYTES)


def alone(app: Any, pairs: list[Pair]) -> None:
    call(app, len(pairs))


def kernel_only(_app: Any, pairs: list[Pair]) -> None:
    exchange(pairs)


def one_by_one(app: Any, pairs: list[Pair]) -> None:
    for pair in pairs:
        exchange([pair])
        call(app, 1)


def gathered(app: Any, pairs: list[Pair]) -> None:
    rest = iter(pairs)
    while several := list(islice(rest, GATHERED)):
        exchange(several)
        call(app, len(several))


def user_us(step: Step, app: Any, pairs: list[Pair], seconds: float) -> float:
    rounds = 0
    before, end = getrusage(RUSAGE_SELF).ru_utime, time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(ROUNDS_BETWEEN_CLOCK_READS):
            step(app, pairs)
        rounds += ROUNDS_BETWEEN_CLOCK_READS
    return (getrusage(RUSAGE_SELF).ru_utime - before) * 1e6 / (rounds * len(pairs))


def main() -> None:
    app = load(sys.argv[1])
    seconds = float(sys.argv[2]) / WINDOWS
    pairs = [connect() for _ in range(CONNECTIONS)]
    call(app, CALLS_WARM)
    above: dict[str, list[float]] = {"around every call": [], f"around {GATHERED} calls": []}
    for _ in range(WINDOWS):
        floor = user_us(alone, app, pairs, seconds) + user_us(kernel_only, app, pairs, seconds)
        for readings, step in zip(above.values(), (one_by_one, gathered), strict=True):
            readings.append(user_us(step, app, pairs, seconds) - floor)
    for name, readings in above.items():
        print(
            f"{name}: {statistics.median(readings):.1f} us of user CPU per call above the app alone"
            f" ({min(readings):.1f} to {max(readings):.1f})"
        )


main()
