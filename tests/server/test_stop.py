"""TERM lets running requests finish, INT and QUIT do not wait; both leave nothing behind and exit 0."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import Server, build_request, wait_until
from server.load import Load

Serve = Callable[..., Server]
MODES = [("-k", "sync"), ("--threads", "4")]


@pytest.mark.parametrize("options", MODES)
def test_term_finishes_the_running_request(serve: Serve, options: tuple[str, ...]) -> None:
    server = serve(*options, "oracle:app", env={"ORACLE_EVENTS": "/dev/stderr"})
    with server.client() as client:
        # Nothing tells that the worker has been reached: it has 3 s to hear of it.
        client.send(build_request("GET", "/slow?ms=3000"))
        server.stderr.wait_for('"event": "request"')
        server.signal(signal.SIGTERM)
        response = client.read_response()
        assert response.status == 200
        assert response.header("connection") == "close"
    assert server.wait_exit() == 0
    for line in ("Handling signal: term", "Worker exiting \\(pid: \\d+\\)", "Shutting down: Master"):
        server.stderr.wait_for(line)
    assert server.left_over() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("options", MODES)
def test_idle_server_stops_at_once(serve: Serve, options: tuple[str, ...], number: int) -> None:
    server = serve(*options, "-w", "2", "hello:app", workers=2)
    with server.client() as client:
        assert client.get("/").status == 200
    server.signal(number)
    started = time.monotonic()
    assert server.wait_exit() == 0
    assert time.monotonic() - started < 4.0
    assert server.left_over() == []
    assert "Traceback" not in server.stderr.text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_int_and_quit_do_not_wait_for_a_request(serve: Serve, number: int) -> None:
    server = serve("oracle:app", env={"ORACLE_EVENTS": "/dev/stderr"})
    with server.client() as client:
        client.send(build_request("GET", "/slow?ms=20000"))
        server.stderr.wait_for('"event": "request"')
        server.signal(number)
        started = time.monotonic()
        assert server.wait_exit() == 0
        assert time.monotonic() - started < 5.0


def test_graceful_timeout_ends_a_long_request(serve: Serve) -> None:
    server = serve("--graceful-timeout", "1", "oracle:app", env={"ORACLE_EVENTS": "/dev/stderr"})
    with server.client() as client:
        client.send(build_request("GET", "/slow?ms=20000"))
        server.stderr.wait_for('"event": "request"')
        started = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0
        assert 0.8 < time.monotonic() - started < 10.0
        assert client.try_response() is None


def test_second_int_during_term_is_quick(serve: Serve) -> None:
    server = serve("oracle:app", env={"ORACLE_EVENTS": "/dev/stderr"})
    with server.client() as client:
        client.send(build_request("GET", "/slow?ms=20000"))
        server.stderr.wait_for('"event": "request"')
        server.signal(signal.SIGTERM)
        server.stderr.wait_for("Handling signal: term")
        server.signal(signal.SIGINT)
        started = time.monotonic()
        assert server.wait_exit() == 0
        assert time.monotonic() - started < 6.0


@pytest.mark.parametrize("options", MODES)
def test_term_under_load_cuts_nobody(serve: Serve, options: tuple[str, ...]) -> None:
    """Connections are refused once the server is gone; what was accepted and asked is answered."""
    server = serve(*options, "-w", "2", "sleeps:app", workers=2)

    clients = [server.client() for _ in range(4)]

    def ask(number: int) -> int:
        with clients[number] as client:
            client.send(build_request("GET", f"/?ms={number * 20}"))
            return client.read_response().status

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, number) for number in range(4)]
        wait_until(lambda: asked[0].done(), "the first answer")
        server.signal(signal.SIGTERM)
        assert [future.result() for future in asked] == [200] * 4
    assert server.wait_exit() == 0


def test_idle_keep_alive_connections_end_with_fin(serve: Serve) -> None:
    server = serve("--threads", "2", "--keep-alive", "30", "hello:app")
    with server.client() as client:
        client.get("/")
        server.signal(signal.SIGTERM)
        assert client.read_to_end() == b""
        assert not client.is_reset
    assert server.wait_exit() == 0


def test_files_are_removed(serve: Serve, tmp_path: Path) -> None:
    pidfile, path = tmp_path / "pid", tmp_path / "socket"
    server = serve("--pid", str(pidfile), "hello:app", bind=f"unix:{path}")
    assert pidfile.read_text() == f"{server.pid}\n"
    assert server.terminate() == 0
    assert not pidfile.exists()
    assert not path.exists()


def test_load_sees_a_dead_server(serve: Serve) -> None:
    """The load generator can fail: it is not what makes the other tests green."""
    server = serve("hello:app")
    with Load(server) as load:
        server.signal(signal.SIGQUIT)
        assert server.wait_exit() == 0
        wait_until(lambda: load.failures, "a failure")
