"""Threads run requests in parallel, and a slow client never holds the thread that runs Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from harness import Client, Server, build_request, wait_until
from server.gate import Gate
from server.secure import Pki

Serve = Callable[..., Server]
MODES = [("-k", "sync"), ("--threads", "2")]
# For how long a slow client is waited for: longer than the others wait for their answers.
HELD_S = "60"


def ask(server: Server, target: str) -> bytes:
    with server.client() as client:
        return client.get(target).body


def test_threads_in_parallel(serve: Serve, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    server = serve("--threads", "8", "gate:app", env=gate.env)
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(8)]
        for client in clients:
            client.send(build_request("GET", "/wait"))
        gate.wait_inside(8)
        gate.open()
        answers = [client.read_response().body for client in clients]
    assert len({answer.split()[0] for answer in answers}) == 1
    assert len({answer.split()[1] for answer in answers}) == 8


def test_no_more_than_so_many_threads(serve: Serve) -> None:
    server = serve("--threads", "2", "sleeps:app")
    ask(server, "/")
    started = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ask(server, "/?ms=200"), range(6)))
    assert time.monotonic() - started > 0.55
    assert len({answer.split()[1] for answer in answers}) <= 2


def test_fast_request_beside_a_slow_one(serve: Serve, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    server = serve("--threads", "2", "gate:app", env=gate.env)
    with server.client() as slow:
        slow.send(build_request("GET", "/wait"))
        gate.wait_inside(1)
        for _ in range(20):
            ask(server, "/")
        assert not slow.is_readable()
        gate.open()
        assert slow.read_response().status == 200


@pytest.mark.parametrize("options", MODES)
@pytest.mark.parametrize("slow", ["before", "after"])
@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "tls"])
def test_a_finished_response_does_not_wait_for_an_application(
    serve: Serve, options: tuple[str, ...], slow: str, is_secure: bool, tmp_path: Path
) -> None:
    """Quick responses may leave together, but not when the application is found to be slow behind them, nor
    when it goes on after one of them (`close()`).
    """
    pki = Pki(tmp_path) if is_secure else None
    file = tmp_path / "entered"
    tls = pki.options if pki else ()
    server = serve(*options, "--keep-alive", "60", *tls, "lingers:app", env={"ENTERED_FILE": str(file)})
    runners = 2 if "--threads" in options else 1
    with ExitStack() as stack:
        clients = [stack.enter_context(pki.client(server) if pki else server.client()) for _ in range(12)]
        for client in clients:
            client.get("/")
        file.write_text("")
        # All are at hand at once.
        for number, client in enumerate(clients):
            client.send(build_request("GET", f"/{'' if number < 6 else slow}?{number}"))

        def entered() -> set[int]:
            return {int(line) for line in file.read_text().split()}

        wait_until(lambda: len([number for number in entered() if number >= 6]) == runners, "slow requests")
        answered = {number for number in entered() if number < 6 or slow == "after"}
        for number in answered:
            assert clients[number].read_response().status == 200
        assert not any(clients[number].is_readable() for number in set(range(12)) - answered)


def test_processes_in_parallel(serve: Serve, tmp_path: Path) -> None:
    """Two sync workers, two slow requests: the second goes to the idle worker, not behind the first."""
    gate = Gate(tmp_path)
    server = serve("-w", "2", "gate:app", workers=2, env=gate.env)
    with server.client() as first:
        first.send(build_request("GET", "/wait"))
        gate.wait_inside(1)
        with server.client() as second:
            assert second.get("/").status == 200
        gate.open()
        assert first.read_response().status == 200


def fill_one_worker(clients: list[Client], gate: Gate, count: int) -> list[Client]:
    """Have `count` requests wait in the worker with the most of these connections; their clients. A runner
    that is slow to begin is busy to its monitor, which then gives a request to the other worker: in that
    case all begin anew.
    """
    for _ in range(10):
        pids = [client.get("/").body.decode().split()[0] for client in clients]
        pid = max(pids, key=pids.count)
        chosen = [client for client, its in zip(clients, pids, strict=True) if its == pid][-count:]
        for client in chosen:
            client.send(build_request("GET", "/wait"))
        if {name.split()[0] for name in gate.wait_inside(count)} == {pid}:
            return chosen
        gate.open()
        for client in chosen:
            client.read_response()
        gate.close()
    pytest.fail("the slow requests were never in one worker")


@pytest.mark.gunicorn_fails("nothing to read within", case="tcp-options1")
@pytest.mark.parametrize("options", [("-k", "sync"), ("--threads", "2")])
@pytest.mark.parametrize("bind", ["tcp", "unix"])
def test_connections_of_a_busy_worker(
    serve: Serve, options: tuple[str, ...], bind: str, tmp_path: Path
) -> None:
    """Twenty connections are kept alive, some at each worker. Then one worker is full of slow requests: the
    next request of every connection is answered before those, whichever worker had the connection."""
    gate = Gate(tmp_path)
    where = f"unix:{tmp_path / 'socket'}" if bind == "unix" else bind
    options = (*options, "--keep-alive", HELD_S)
    server = serve(*options, "-w", "2", "gate:app", bind=where, workers=2, env=gate.env)
    slow = 2 if "--threads" in options else 1
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(20 + slow)]
        busy = fill_one_worker(clients, gate, slow)
        rest = [client for client in clients if client not in busy]
        for round_ in range(3):
            for client in rest:
                client.send(build_request("GET", "/"))
            for client in rest:
                assert client.read_response().status == 200, round_
        assert not any(client.is_readable() for client in busy)
        gate.open()
        for client in busy:
            assert client.read_response().status == 200


@contextmanager
def slow_clients(server: Server, raw: bytes, count: int) -> Iterator[list[Client]]:
    """So many clients that have sent so much and then neither send nor read."""
    with ExitStack() as stack:
        clients = []
        for _ in range(count):
            assert server.address is not None
            client = stack.enter_context(Client(server.address, rcvbuf_bytes=4096))
            client.send(raw)
            clients.append(client)
        yield clients


SLOW = {
    "nothing": b"",
    "half a line": b"GET /ec",
    "half a head": b"GET / HTTP/1.1\r\nHost: a.test\r\nX-A: ",
    "half a body": build_request("POST", "/echo", {"Content-Length": "1000"}, b"x" * 500),
    "half a chunk": build_request("POST", "/echo", {"Transfer-Encoding": "chunked"})
    + b"3e8\r\n"
    + b"x" * 500,
    "a response unread": build_request("GET", "/?kb=1000"),
    "idle after a response": build_request("GET", "/?kb=1"),
}


@pytest.mark.gunicorn_fails("nothing to read within", case="half a head-options0")
@pytest.mark.gunicorn_fails("nothing to read within", case="half a body-options1")
@pytest.mark.parametrize("options", MODES)
@pytest.mark.parametrize("kind", SLOW)
def test_slow_client_holds_no_runner(serve: Serve, options: tuple[str, ...], kind: str) -> None:
    limits = ("--keep-alive", "--header-timeout", "--body-timeout", "--write-timeout")
    held = [word for limit in limits for word in (limit, HELD_S)]
    server = serve(*options, *held, "large_body:app")
    with slow_clients(server, SLOW[kind], 30):
        for _ in range(10):
            assert len(ask(server, "/?kb=1")) == 1024


@pytest.mark.parametrize("options", MODES)
def test_slow_client_is_served_when_it_goes_on(serve: Serve, options: tuple[str, ...]) -> None:
    server = serve(*options, "large_body:app")
    raw = SLOW["half a body"]
    with slow_clients(server, raw, 10) as clients:
        for client in clients:
            client.send(b"y" * 500)
        for client in clients:
            assert client.read_response().body == b"x" * 500 + b"y" * 500


@pytest.mark.parametrize("options", MODES)
def test_unread_response_arrives_whole(serve: Serve, options: tuple[str, ...]) -> None:
    server = serve(*options, "large_body:app")
    with slow_clients(server, build_request("GET", "/?kb=3000"), 5) as clients:
        ask(server, "/?kb=1")
        for client in clients:
            assert len(client.read_response().body) == 3000 * 1024


def test_many_connections_at_once(serve: Serve) -> None:
    server = serve("--threads", "4", "--keep-alive", "30", "hello:app")
    with slow_clients(server, build_request("GET", "/"), 300) as clients:
        for _ in range(2):
            for client in clients:
                assert client.read_response().body == b"hello, world"
                client.send(build_request("GET", "/"))
