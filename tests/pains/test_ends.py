"""How workers and servers end: nobody who waits is forgotten, and the log tells the truth about a death.

Each test names the pain of docs/why-tricorn.md that it answers.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server, build_request, wait_until

Serve = Callable[..., Server]
GATE = """
import os, time
def app(environ, start_response):
    open("began", "w").close()
    while not os.path.exists("go"): time.sleep(0.01)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


@pytest.mark.gunicorn_fails("the connection was closed without a response", case="options0")
@pytest.mark.parametrize("options", [("-k", "sync"), ("--threads", "1", "-k", "gthread")])
def test_pain_9_a_graceful_stop_answers_those_who_wait(
    serve: Serve, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Gunicorn's sync workers: connections in the listen backlog are reset by TERM, which a rolling update
    shows as 502.
    """
    (tmp_path / "gate.py").write_text(GATE)
    server = serve(*options, "gate:app", cwd=tmp_path)
    clients = [server.client() for _ in range(6)]
    try:
        for client in clients:
            client.send(build_request("GET", "/"))
        wait_until((tmp_path / "began").exists, "the first request")
        server.signal(signal.SIGTERM)
        server.stderr.wait_for("Handling signal: term")
        # That the worker has been told too is said nowhere.
        assert not clients[0].is_readable(1.0)
        (tmp_path / "go").touch()
        assert [client.read_response().status for client in clients] == [200] * 6
    finally:
        for client in clients:
            client.close()
    assert server.wait_exit() == 0


STUCK = """
import itertools
def app(environ, start_response):
    any(itertools.repeat(0))
"""


@pytest.mark.gunicorn_fails(r"assert 'memory' not in 'Worker")
def test_pain_13_only_a_kill_from_outside_may_be_memory(serve: Serve, tmp_path: Path) -> None:
    """Gunicorn: "Perhaps out of memory?" also for the workers that it has killed itself."""
    (tmp_path / "stuck.py").write_text(STUCK)
    server = serve("--timeout", "1", "stuck:app", cwd=tmp_path)
    server.wait_complete()
    [first] = server.workers()
    os.kill(first, signal.SIGKILL)
    server.stderr.wait_for(rf"Worker \(pid:{first}\) was sent SIGKILL! Perhaps out of memory\?")
    wait_until(lambda: server.workers() not in ([], [first]), "a new worker")
    [second] = server.workers()
    with server.client() as client:
        client.send(build_request("GET", "/"))
        server.stderr.wait_for(rf"WORKER TIMEOUT \(pid:{second}\)")
        line = server.stderr.wait_for(rf"Worker \(pid:{second}\) was sent SIGKILL!.*").group(0)
    assert "memory" not in line


@pytest.mark.gunicorn_fails(r"GET /report' in stderr:(\n.*)*was sent SIGKILL! Perhaps out of memory\?")
def test_pain_13_a_death_names_the_requests_that_die_with_it(serve: Serve, tmp_path: Path) -> None:
    """Gunicorn: a worker is gone, and nobody knows what it was doing."""
    (tmp_path / "gate.py").write_text(GATE)
    server = serve("gate:app", cwd=tmp_path)
    [worker] = server.workers()
    with server.client() as client:
        client.send(build_request("GET", "/report?year=2026"))
        wait_until((tmp_path / "began").exists, "the request")
        os.kill(worker, signal.SIGKILL)
        server.stderr.wait_for("GET /report")


HOOKS = """
import sys
def child_exit(server, worker):
    sys.stderr.write(f"child_exit {worker.pid}\\n")
"""


def test_hooks_hear_of_a_worker_that_was_killed(serve: Serve, tmp_path: Path) -> None:
    """Metrics of a worker that was killed must be cleaned up: `child_exit` is called for every death."""
    (tmp_path / "conf.py").write_text(HOOKS)
    server = serve("-c", str(tmp_path / "conf.py"), "hello:app")
    [worker] = server.workers()
    os.kill(worker, signal.SIGKILL)
    server.stderr.wait_for(f"^child_exit {worker}$")
