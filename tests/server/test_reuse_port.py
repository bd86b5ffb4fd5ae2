"""`--reuse-port`: a listening socket for each worker, and what waits in one is not lost with its worker."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Client, Server, wait_until
from harness.processes import open_files
from harness.server import free_port
from server.load import Load
from server.upgrade import upgrade, wait_gone

Serve = Callable[..., Server]


def listening(port: int) -> set[str]:
    """The inodes of all sockets that listen on this port."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return {row[9] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}


def sockets_of(pid: int) -> set[str]:
    matches = (re.fullmatch(r"socket:\[(\d+)\]", name) for name in open_files(pid).values())
    return {match.group(1) for match in matches if match}


def test_each_worker_has_its_own(serve: Serve) -> None:
    server = serve("--reuse-port", "-w", "3", "world:app", workers=3)
    server.stderr.wait_for(rf"Listening at: http://127\.0\.0\.1:{server.port} ")
    sockets = listening(server.port)
    assert len(sockets) == 3
    own = [sockets_of(pid) & sockets for pid in server.workers()]
    assert [len(each) for each in own] == [1, 1, 1]
    assert set.union(*own) == sockets
    answered = set()
    for _ in range(1000):
        with server.client() as client:
            answered.add(client.get("/").json()["pid"])
        if len(answered) == 3:
            break
    assert answered == set(server.workers())
    assert server.terminate() == 0
    assert listening(server.port) == set()


def test_two_servers_on_one_port(serve: Serve) -> None:
    first = serve("--reuse-port", "world:app")
    options = ("-b", f"127.0.0.1:{first.port}", "--reuse-port", "world:app")
    second = serve(*options, bind=None)
    masters = set()
    for _ in range(1000):
        with first.client() as client:
            masters.add(client.get("/").json()["ppid"])
        if len(masters) == 2:
            break
    assert masters == {first.pid, second.pid}


def test_port_of_another_server(serve: Serve) -> None:
    """One that does not share its port is not joined: one clear line, before any worker."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = serve("-b", f"127.0.0.1:{port}", "--reuse-port", "hello:app", bind=None, ready=None)
        server.stderr.wait_for(r"Connection in use: .*" + str(port))
        server.signal(signal.SIGTERM)
        server.wait_exit()
        assert "Booting" not in server.stderr.text()


def test_reload_under_load_loses_nothing(serve: Serve) -> None:
    server = serve("--reuse-port", "-w", "2", "hello:app", workers=2)
    server.stderr.wait_for("Start complete")
    sockets = listening(server.port)
    with Load(server) as load:
        for _ in range(3):
            mark = server.stderr.mark()
            server.signal(signal.SIGHUP)
            server.stderr.wait_for("Reload complete", since=mark)
            load.wait_answers(50)
    assert load.failures == []
    assert listening(server.port) == sockets, "the new workers have taken the sockets over"


def test_crash_loses_nothing_that_waits(serve: Serve) -> None:
    """Connections in the queue of a worker that is killed are served by its successor."""
    server = serve("--reuse-port", "hello:app")
    [worker] = server.workers()
    os.kill(worker, signal.SIGSTOP)
    clients = [server.client() for _ in range(5)]
    try:
        for client in clients:
            assert client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        os.kill(worker, signal.SIGKILL)
        for client in clients:
            assert client.read_response().status == 200
    finally:
        for client in clients:
            client.close()


def test_number_of_sockets_follows_the_number_of_workers(serve: Serve) -> None:
    server = serve("--reuse-port", "-w", "2", "hello:app", workers=2)
    for number, count in ((signal.SIGTTIN, 3), (signal.SIGTTOU, 2), (signal.SIGTTOU, 1)):
        server.signal(number)
        server.wait_workers(count)
        wait_until(lambda count=count: len(listening(server.port)) == count, f"{count} sockets")
    with server.client() as client:
        assert client.get("/").status == 200


@pytest.mark.parametrize("bind", ["tcp", "unix"])
def test_upgrade(serve: Serve, tmp_path: Path, bind: str) -> None:
    path = tmp_path / "socket"
    server = serve("--reuse-port", "hello:app", bind="tcp" if bind == "tcp" else f"unix:{path}")
    new = upgrade(server)
    assert server.terminate() == 0
    server.stderr.wait_for("Master has been promoted")
    with server.client() as client:
        assert client.get("/").status == 200
    os.kill(new, signal.SIGTERM)
    wait_gone(new)
    assert not path.exists()


def test_changed_address(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "conf.py"
    one, two = free_port(), free_port()
    config.write_text(f"bind = '127.0.0.1:{one}'\nreuse_port = True\n")
    server = serve("-c", str(config), "hello:app", bind=None, ready=None)
    server.stderr.wait_for("Start complete")
    config.write_text(f"bind = '127.0.0.1:{two}'\nreuse_port = True\n")
    server.signal(signal.SIGHUP)
    server.stderr.wait_for("Reload complete")
    with Client(("127.0.0.1", two)) as client:
        assert client.get("/").status == 200
    wait_until(lambda: listening(one) == set(), "the end of the old socket")
