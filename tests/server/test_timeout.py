"""--timeout: a sync worker that is stuck in a request is ended and replaced; a thread's long request is
not.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import DeadlineError, Server, build_request, wait_until

Serve = Callable[..., Server]


def test_stuck_sync_request(serve: Serve) -> None:
    server = serve("--timeout", "1", "sleeps:app")
    [worker] = server.wait_workers(1)
    with server.client() as client:
        client.send(build_request("GET", "/?ms=60000"))
        server.stderr.wait_for(rf"\[CRITICAL\] WORKER TIMEOUT \(pid:{worker}\)")
        response = client.try_response()
        assert response is None or response.status >= 500
    wait_until(lambda: server.workers() and worker not in server.workers(), "a new worker")
    with server.client() as client:
        assert client.get("/").status == 200


def test_other_workers_are_left_alone(serve: Serve) -> None:
    server = serve("-w", "2", "--timeout", "3", "sleeps:app", workers=2)
    workers = server.wait_workers(2)
    with server.client() as stuck:
        stuck.send(build_request("GET", "/?ms=60000"))
        server.stderr.wait_for("WORKER TIMEOUT")
        with server.client() as client:
            assert client.get("/").status == 200
    wait_until(lambda: len(set(server.workers()) - set(workers)) == 1, "exactly one new worker")


def test_idle_worker_is_not_stuck(serve: Serve) -> None:
    server = serve("--timeout", "3", "sleeps:app")
    workers = server.wait_workers(1)
    with pytest.raises(DeadlineError):
        server.stderr.wait_for("WORKER TIMEOUT", 4.5)
    assert server.workers() == workers


def test_long_request_of_a_thread(serve: Serve) -> None:
    server = serve("--timeout", "3", "--threads", "2", "sleeps:app")
    workers = server.wait_workers(1)
    with server.client() as client:
        assert client.get("/?ms=4500").status == 200
    assert server.workers() == workers


def test_timeout_off(serve: Serve) -> None:
    server = serve("--timeout", "0", "sleeps:app")
    with server.client() as client:
        assert client.get("/?ms=2000").status == 200
    assert "WORKER TIMEOUT" not in server.stderr.text()


def test_heartbeat_needs_no_file(serve: Serve) -> None:
    """Workers beat in shared memory: a folder for heartbeat files that does not exist hurts nobody."""
    server = serve("--timeout", "3", "--worker-tmp-dir", "/no/such/folder", "sleeps:app")
    workers = server.wait_workers(1)
    with pytest.raises(DeadlineError):
        server.stderr.wait_for("WORKER TIMEOUT", 4.5)
    assert server.workers() == workers


def test_worker_that_hangs_while_it_boots(serve: Serve) -> None:
    server = serve("--boot-timeout", "1", "hang_at_import:app", ready=None)
    assert server.wait_exit() == 3
    assert server.left_over() == []
