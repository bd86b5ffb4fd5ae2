"""`request_timeout`: one request that never returns costs its worker, and nobody else anything.

Pain 2 of docs/why-tricorn.md. Gunicorn: with threads `timeout` is only a heartbeat; a stuck request occupies
its thread for ever.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Client, Server, build_request, wait_until
from harness.server import run_to_end
from server.load import Load

Serve = Callable[..., Server]
SITE = """
import os, threading, time
def app(environ, start_response):
    path = environ["PATH_INFO"]
    open("began" + path.replace("/", "-"), "w").close()
    if path == "/stuck":
        deep_in_the_application()
    if path == "/gate":
        gate()
    if path == "/upload":
        environ["wsgi.input"].read()
    if path == "/socket":
        environ["gunicorn.socket"].sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\nfirst")
        gate()
        raise StopIteration
    length = {{"/": 2, "/gate": 2, "/upload": 2}}.get(path)
    write = start_response("200 OK", [("Content-Length", str(length))] if length else [])
    if path == "/write":
        write(b"first")
        gate()
    return pieces() if path == "/pieces" else [b"x" * 100_000_000] if path == "/large" else [b"ok"]
def pieces():
    yield b"first"
    gate()
    yield b"last"
def gate():
    while not os.path.exists("go"): time.sleep(0.01)
def deep_in_the_application():
    {body}
"""
STUCK = {
    "sleeps": "time.sleep(1000)",
    "waits for a lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "holds the GIL": "import itertools; any(itertools.repeat(0))",
}
FREE = [kind for kind in STUCK if kind != "holds the GIL"]
LINE = r"\[CRITICAL\] REQUEST TIMEOUT \(pid:{}\) GET /stuck\?id=7 for [1-9]\d*\.\d s"
# Longer than any deadline of these tests: what ends before did not wait for it.
NEVER = "600"


def started(serve: Serve, folder: Path, kind: str, *options: str) -> Server:
    (folder / "site_under_test.py").write_text(SITE.format(body=STUCK[kind]))
    server = serve(*options, "site_under_test:app", cwd=folder)
    server.wait_complete()
    return server


def ask(server: Server, folder: Path, target: str) -> Client:
    """A client whose request for `target` is in the application."""
    client = server.client()
    client.send(build_request("GET", target))
    wait_until((folder / ("began" + target.split("?")[0].replace("/", "-"))).exists, f"the request {target}")
    return client


def wait_replaced(server: Server, worker: int) -> None:
    wait_until(
        lambda: server.workers() not in ([], [worker]) and worker not in server.workers(), "a successor"
    )


@pytest.mark.parametrize("kind", FREE)
def test_pain_2_a_stuck_thread_costs_nobody_else_anything(serve: Serve, tmp_path: Path, kind: str) -> None:
    """The other thread finishes what it does, new requests are answered, and the worker goes although its
    thread never returns.
    """
    options = ("--threads", "2", "--request-timeout", "1", "--timeout", NEVER, "--graceful-timeout", NEVER)
    server = started(serve, tmp_path, kind, *options)
    [worker] = server.workers()
    with Load(server) as load:
        with ask(server, tmp_path, "/stuck?id=7"), ask(server, tmp_path, "/gate") as other:
            server.stderr.wait_for(LINE.format(worker))
            server.stderr.wait_for("in deep_in_the_application")
            load.wait_answers(50)
            assert worker in server.workers(), "it has a request to finish"
            (tmp_path / "go").touch()
            assert other.read_response().status == 200
            wait_replaced(server, worker)
        load.wait_answers(50)
    assert load.failures == []
    server.stderr.wait_for(rf"Worker \(pid:{worker}\) lived .* in flight: GET /stuck\?id=7 for")


@pytest.mark.parametrize("threads", ["1", "2"])
def test_pain_2_also_if_the_gil_is_held(serve: Serve, tmp_path: Path, threads: str) -> None:
    """Nothing of that worker can be saved but its stacks; new requests go to the successor."""
    options = ("--threads", threads, "--request-timeout", "1", "--timeout", "0", "--graceful-timeout", "1")
    server = started(serve, tmp_path, "holds the GIL", *options)
    [worker] = server.workers()
    with ask(server, tmp_path, "/stuck?id=7"):
        server.stderr.wait_for(LINE.format(worker))
        server.stderr.wait_for("in deep_in_the_application")
        wait_replaced(server, worker)
    with server.client() as client:
        assert client.get("/").status == 200


@pytest.mark.parametrize("kind", FREE)
def test_pain_2_a_sync_worker(serve: Serve, tmp_path: Path, kind: str) -> None:
    """`timeout` would kill it too, but before a successor serves."""
    options = ("-k", "sync", "--request-timeout", "1", "--timeout", NEVER, "--graceful-timeout", NEVER)
    server = started(serve, tmp_path, kind, *options)
    [worker] = server.workers()
    with ask(server, tmp_path, "/stuck?id=7") as stuck:
        with server.client() as client:
            assert client.get("/").status == 200
        server.stderr.wait_for(LINE.format(worker))
        server.stderr.wait_for("in deep_in_the_application")
        if kind == "sleeps":
            assert stuck.read_response().status == 500, "ABRT raises an exception there"
        else:
            assert stuck.read_to_end() == b"", "a lock is only left by KILL"
    wait_replaced(server, worker)


def test_the_smaller_of_both_limits_acts_first(serve: Serve, tmp_path: Path) -> None:
    server = started(serve, tmp_path, "sleeps", "-k", "sync", "--request-timeout", NEVER, "--timeout", "1")
    with ask(server, tmp_path, "/stuck?id=7"):
        server.stderr.wait_for("WORKER TIMEOUT")
    assert "REQUEST TIMEOUT" not in server.stderr.text()


@pytest.mark.gunicorn_fails(r'client.get\("/"\)(.*\n)*.*nothing to read within')
def test_pain_2_all_threads_may_be_stuck(serve: Serve, tmp_path: Path) -> None:
    """Gunicorn: the worker's heartbeat goes on, and nobody is answered any more."""
    options = ("--threads", "2", "--request-timeout", "1", "--timeout", "2", "--graceful-timeout", NEVER)
    server = started(serve, tmp_path, "sleeps", *options)
    [worker] = server.workers()
    with ask(server, tmp_path, "/stuck?id=7"), ask(server, tmp_path, "/stuck?id=7"):
        with server.client() as client:
            assert client.get("/").status == 200
        wait_replaced(server, worker)


@pytest.mark.parametrize("target", ["/pieces", "/write", "/large", "/socket"])
def test_a_response_that_has_begun_is_not_counted(serve: Serve, tmp_path: Path, target: str) -> None:
    """It began before the request that is too old, lasts longer, and is finished all the same."""
    options = ("--threads", "3", "--request-timeout", "1", "--timeout", NEVER, "--graceful-timeout", NEVER)
    server = started(serve, tmp_path, "sleeps", *options)
    [worker] = server.workers()
    with ask(server, tmp_path, target) as stream:
        assert stream.read_bytes(8) == b"HTTP/1.1"
        with ask(server, tmp_path, "/stuck?id=7"):
            server.stderr.wait_for(LINE.format(worker))
            with server.client() as client:
                assert client.get("/").status == 200
            (tmp_path / "go").touch()
            stream.read_to_end()
            wait_replaced(server, worker)
    assert f"REQUEST TIMEOUT (pid:{worker}) GET {target}" not in server.stderr.text()


def test_waiting_for_a_streamed_body_is_not_counted(serve: Serve, tmp_path: Path) -> None:
    """A slow upload is the client's time. It began before the request that is too old."""
    options = ("--threads", "3", "--request-timeout", "1", "--timeout", NEVER, "--graceful-timeout", NEVER)
    server = started(serve, tmp_path, "sleeps", *options, "--body-spool", "stream", "--body-buffer", "1")
    [worker] = server.workers()
    with server.client() as upload:
        upload.send(build_request("PUT", "/upload", {"Content-Length": "6"}) + b"abc")
        wait_until((tmp_path / "began-upload").exists, "the upload")
        with ask(server, tmp_path, "/stuck?id=7"):
            server.stderr.wait_for(LINE.format(worker))
            upload.send(b"def")
            assert upload.read_response().body == b"ok"
            wait_replaced(server, worker)
    assert f"REQUEST TIMEOUT (pid:{worker}) PUT" not in server.stderr.text()


def test_a_stopped_server_does_not_wait_for_it(serve: Serve, tmp_path: Path) -> None:
    options = ("--threads", "2", "--request-timeout", "1", "--timeout", NEVER, "--graceful-timeout", NEVER)
    server = started(serve, tmp_path, "sleeps", *options)
    with ask(server, tmp_path, "/stuck?id=7"):
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0


def test_off_by_default(serve: Serve, tmp_path: Path) -> None:
    """Another server with a limit tells when it would have acted."""
    free = started(serve, tmp_path, "sleeps", "--threads", "2", "--timeout", "3")
    [worker] = free.workers()
    with ask(free, tmp_path, "/stuck?id=7"):
        (tmp_path / "began-stuck").unlink()
        limited = started(serve, tmp_path, "sleeps", "--threads", "2", "--request-timeout", "4")
        with ask(limited, tmp_path, "/stuck?id=7"):
            limited.stderr.wait_for("REQUEST TIMEOUT")
        assert free.workers() == [worker]
    assert "TIMEOUT" not in free.stderr.text()


def test_time_in_which_the_worker_was_stopped_is_not_counted(serve: Serve, tmp_path: Path) -> None:
    """A suspended machine is nobody's fault. Another server with a limit tells how long it was."""
    options = ("--threads", "2", "--timeout", NEVER)
    server = started(serve, tmp_path, "sleeps", *options, "--request-timeout", "3")
    clock = started(serve, tmp_path, "sleeps", *options, "--request-timeout", "4")
    [worker] = server.workers()
    with ask(server, tmp_path, "/gate") as gate:
        os.kill(worker, signal.SIGSTOP)
        with ask(clock, tmp_path, "/stuck?id=7"):
            clock.stderr.wait_for("REQUEST TIMEOUT")
        os.kill(worker, signal.SIGCONT)
        with server.client() as client:
            assert client.get("/").status == 200
        (tmp_path / "go").touch()
        assert gate.read_response().status == 200
    assert "TIMEOUT" not in server.stderr.text()


@pytest.mark.parametrize("value", ["-1", "soon", "1.5", ""])
def test_bad_values_are_refused_in_one_line(value: str) -> None:
    ended = run_to_end("--request-timeout", value, "hello:app")
    assert ended.code != 0
    lines = [line for line in ended.stderr.splitlines() if line]
    assert "request-timeout" in lines[-1].replace("_", "-")
    assert len([line for line in lines if not line.startswith(("usage:", " "))]) == 1
