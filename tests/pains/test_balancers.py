"""What a load balancer sees of connections that it keeps: an idle one is there when it is wanted, and nobody
gets a closed connection for an answer (which the balancer's client sees as 502).

Each test names the pain of docs/why-tricorn.md that it answers.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable

import pytest

from harness import Client, Server, wait_until

Serve = Callable[..., Server]
# Longer than the keepalive that Gunicorn has by default, shorter than any balancer's idle time.
IDLE_S = 4.0


@pytest.mark.gunicorn_fails("the idle connection was closed")
def test_pain_16_a_connection_outlives_the_pause_of_a_balancer(serve: Serve) -> None:
    """Gunicorn 27.0.1: `keepalive` is 2 s by default, and a gthread worker closes the connection after it; a
    balancer (60 s) that sends its next request in that moment gets no answer.
    """
    server = serve("--threads", "2", "hello:app")
    with server.client() as client:
        assert client.get("/").status == 200
        assert not client.is_readable(IDLE_S), "the idle connection was closed"
        assert client.get("/").status == 200


def test_pain_16_idle_connections_make_room_the_longest_idle_first(serve: Serve) -> None:
    """Gunicorn 27.0.1: once a gthread worker keeps `worker_connections` less `threads` connections, it closes
    every other one after its response, however long the kept ones have been idle: with a long `keepalive`
    (75 here) those who ask often pay for those who do not ask at all.
    """
    server = serve("--threads", "2", "--worker-connections", "4", "--keep-alive", "75", "hello:app")
    clients: list[Client] = []
    try:
        for _ in range(12):
            clients.append(server.client())
            assert clients[-1].get("/").status == 200
            # The server's clock counts milliseconds, and the next one is to be idle for less long.
            asked = time.monotonic()
            wait_until(lambda: time.monotonic() > asked + 0.003, "the clock moves")  # noqa: B023
        for client in clients[:8]:
            assert client.read_to_end() == b""
            assert not client.is_reset
        for client in clients[8:]:
            assert client.get("/").status == 200
    finally:
        for client in clients:
            client.close()


class Pool:
    """Clients that keep their connections and ask after pauses of random length, until they are told to
    close."""

    def __init__(self, server: Server, clients: int) -> None:
        self.failures: list[str] = []
        self.answers: list[bool] = []  # of each answer: was it the connection's last?
        self._clients = [server.client() for _ in range(clients)]
        self._is_over = threading.Event()
        self.threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(clients)
        ]

    def _run(self, number: int) -> None:
        chance = random.Random(number)
        with self._clients[number] as client:
            while not self._is_over.wait(chance.uniform(0, 0.05)):
                try:
                    response = client.get("/")
                except (OSError, AssertionError) as error:
                    self.failures.append(f"{type(error).__name__}: {error}")
                    return
                self.answers.append(response.wants_close())
                if response.wants_close():
                    return

    def end(self) -> None:
        """Tell those that still ask to stop."""
        self._is_over.set()
        for thread in self.threads:
            thread.join(30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["TERM", "HUP"])
@pytest.mark.parametrize("options", [("-k", "sync"), ("--threads", "3")], ids=["sync", "gthread"])
def test_pain_16_at_the_end_of_a_worker_every_request_is_answered(
    serve: Serve, options: tuple[str, ...], number: int
) -> None:
    """Gunicorn 27.0.1: its sync worker keeps no connection; its gthread worker waits two seconds for a last
    request too (before 27 it closed idle connections at once, and a request on its way got no answer). Here
    the next response says `Connection: close` for two seconds, and only then is what is still idle closed.
    (Of connections to a busy worker that is to go, others take the next request: they stay open.)
    """
    server = serve(*options, "--keep-alive", "75", "-w", "2", "hello:app", workers=2)
    workers = server.workers()
    pool = Pool(server, 40)
    for thread in pool.threads:
        thread.start()
    try:
        wait_until(lambda: len(pool.answers) > 200, "200 answers")
        server.signal(number)
        if number == signal.SIGTERM:
            wait_until(lambda: not any(thread.is_alive() for thread in pool.threads), "the last answers")
            assert server.wait_exit() == 0
        else:
            wait_until(lambda: set(server.workers()).isdisjoint(workers), "the end of the old workers")
    finally:
        pool.end()
    assert pool.failures == []
    if number == signal.SIGTERM:
        assert pool.answers.count(True) == 40, "a connection ended without `Connection: close`"
