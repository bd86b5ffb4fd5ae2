"""--max-requests: workers are replaced one after the other, and no request is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from harness import Server, wait_until
from server.load import Load

Serve = Callable[..., Server]
MODES = [("-k", "sync"), ("--threads", "4")]


@pytest.mark.parametrize("options", MODES)
def test_under_load_loses_nothing(serve: Serve, options: tuple[str, ...]) -> None:
    server = serve(
        *options, "-w", "2", "--max-requests", "100", "--max-requests-jitter", "50", "sleeps:app", workers=2
    )
    with Load(server) as load:
        server.stderr.wait_for("Autorestarting worker after current request", 30.0, count=4)
    assert load.failures == []
    assert len({answer.split()[0] for answer in load.answers}) >= 4
    server.wait_workers(2)


@pytest.mark.parametrize("options", MODES)
def test_serves_until_its_successor_is_there(serve: Serve, options: tuple[str, ...]) -> None:
    """After its last request a worker answers on, one request a connection, so that a single worker leaves
    no gap."""
    server = serve(*options, "--max-requests", "5", "sleeps:app")
    counts: dict[bytes, int] = {}
    while len(counts) < 3:
        with server.client() as client:
            answer = client.get("/")
            pid = answer.body.split()[0]
            counts[pid] = counts.get(pid, 0) + 1
            assert answer.wants_close() == (counts[pid] >= 5)
    assert all(count >= 5 for count in list(counts.values())[:-1])


def test_number_of_workers(serve: Serve) -> None:
    server = serve("-w", "2", "hello:app", workers=2)
    server.wait_workers(2)
    for number, count in [(signal.SIGTTIN, 3), (signal.SIGTTIN, 4), (signal.SIGTTOU, 3), (signal.SIGTTOU, 2)]:
        server.signal(number)
        server.wait_workers(count)
        with server.client() as client:
            assert client.get("/").status == 200


def test_never_below_one(serve: Serve) -> None:
    server = serve("hello:app")
    [worker] = server.wait_workers(1)
    for _ in range(5):
        server.signal(signal.SIGTTOU)
    server.stderr.wait_for("Handling signal: ttou")
    with server.client() as client:
        assert client.get("/").status == 200
    assert server.workers() == [worker]


def test_scaling_under_load_loses_nothing(serve: Serve) -> None:
    server = serve("-w", "3", "sleeps:app", workers=3)
    with Load(server) as load:
        for number in [signal.SIGTTOU, signal.SIGTTOU, signal.SIGTTIN, signal.SIGTTIN]:
            mark = server.stderr.mark()
            server.signal(number)
            # The kernel makes one of two equal signals that wait.
            server.stderr.wait_for("Handling signal", since=mark)
            load.wait_answers(50)
        server.wait_workers(3)
    assert load.failures == []


def test_winch_outside_a_daemon_is_ignored(serve: Serve) -> None:
    server = serve("--log-level", "debug", "hello:app")
    workers = server.wait_workers(1)
    server.signal(signal.SIGWINCH)
    server.stderr.wait_for("SIGWINCH ignored. Not daemonized")
    assert server.workers() == workers


def test_signals_for_the_master_do_not_end_a_worker(serve: Serve) -> None:
    """`pkill -HUP` by name reaches the workers too; they must live (Gunicorn's die)."""
    server = serve("hello:app")
    [worker] = server.wait_workers(1)
    with server.client() as client:
        assert client.get("/").status == 200
        for number in (signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH):
            os.kill(worker, number)
    with server.client() as client:
        assert client.get("/").status == 200
    assert wait_until(lambda: server.workers(), "workers") == [worker]
