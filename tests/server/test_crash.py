"""A worker that dies costs the requests it was running, and nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from harness import DeadlineError, Server, build_request, wait_until
from harness.processes import is_alive
from server.load import Load

Serve = Callable[..., Server]
# What a worker says that is not replaced at once.
WAITS = "successor waits"


def test_kill_9_of_an_idle_worker_loses_nothing(serve: Serve) -> None:
    server = serve("-w", "2", "sleeps:app", workers=2)
    before = server.wait_workers(2)
    os.kill(before[0], signal.SIGKILL)
    server.stderr.wait_for(rf"pid:\s?{before[0]}\).*SIGKILL")
    after = wait_until(lambda: [pid for pid in server.workers() if pid not in before], "a new worker")
    server.stderr.catch_up()
    assert WAITS not in server.stderr.text()
    assert len(after) == 1
    with server.client() as client:
        assert client.get("/").status == 200


@pytest.mark.parametrize("options", [("-k", "sync"), ("--threads", "4")])
def test_kill_9_under_load(serve: Serve, options: tuple[str, ...]) -> None:
    """Only the dead worker's running requests may fail: at most one per client, and none after the new one
    serves.
    """
    server = serve(*options, "-w", "2", "sleeps:app", workers=2)
    with Load(server, "/?ms=1") as load:
        before = server.wait_workers(2)
        os.kill(before[0], signal.SIGKILL)
        [new] = wait_until(lambda: [pid for pid in server.workers() if pid not in before], "a new worker")
        wait_until(
            lambda: any(answer.startswith(b"%d " % new) for answer in load.answers), "the new one serving"
        )
        server.stderr.catch_up()
        assert WAITS not in server.stderr.text()
        failed = len(load.failures)
        load.wait_answers(100)
        assert failed <= 4
        assert len(load.failures) == failed, load.failures


def test_running_request_of_a_killed_worker_ends(serve: Serve) -> None:
    """The client sees the end of the connection, never a response that looks whole."""
    server = serve("oracle:app", env={"ORACLE_EVENTS": "/dev/stderr"})
    [worker] = server.wait_workers(1)
    with server.client() as client:
        client.send(build_request("GET", "/slow?ms=30000"))
        server.stderr.wait_for('"event": "request"')
        os.kill(worker, signal.SIGKILL)
        assert client.try_response() is None


@pytest.mark.parametrize("way", ["/os-exit", "/abort", "/segv", "/kill"])
def test_application_that_ends_its_worker(serve: Serve, way: str) -> None:
    server = serve("dies:app")
    [before] = server.wait_workers(1)
    with server.client() as client:
        client.send(build_request("GET", way))
        assert client.try_response() is None
    [after] = wait_until(lambda: [pid for pid in server.workers() if pid != before], "a new worker")
    with server.client() as client:
        assert int(client.get("/").body) == after


def test_sys_exit_in_the_application(serve: Serve) -> None:
    """SystemExit is answered with 500; the server goes on, whether or not the worker is replaced."""
    server = serve("dies:app")
    with server.client() as client:
        client.send(build_request("GET", "/sys-exit"))
        response = client.try_response()
        assert response is None or response.status == 500
    with server.client() as client:
        assert client.get("/").status == 200


def test_twenty_crashes_in_a_row(serve: Serve) -> None:
    """The back-off for crash loops never keeps a server without a worker for long."""
    server = serve("-w", "2", "dies:app", workers=2)
    for _ in range(20):
        with server.client(20.0) as client:
            client.send(build_request("GET", "/kill"))
            assert client.try_response() is None
    with server.client(20.0) as client:
        assert client.get("/").status == 200
    assert server.process.poll() is None


def test_workers_end_with_a_killed_master(serve: Serve) -> None:
    server = serve("-w", "2", "sleeps:app", workers=2)
    workers = server.wait_workers(2)
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not any(is_alive(pid) for pid in workers), "the workers' end", 10.0)
    with pytest.raises((ConnectionRefusedError, DeadlineError)):
        server.client()


def test_stopped_worker_is_replaced(serve: Serve) -> None:
    """A worker that makes no progress (here: SIGSTOP) is killed after its timeout and replaced."""
    server = serve("--timeout", "1", "sleeps:app")
    [worker] = server.wait_workers(1)
    with server.client() as client:
        client.get("/")
    os.kill(worker, signal.SIGSTOP)
    server.stderr.wait_for(rf"WORKER TIMEOUT \(pid:{worker}\)")
    wait_until(lambda: server.workers() and worker not in server.workers(), "a new worker")
    with server.client() as client:
        assert client.get("/").status == 200
