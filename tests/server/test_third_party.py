"""Programs of others whose parts meet the server in more than WSGI: prometheus_client, Flask-SocketIO."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import simple_websocket

from harness import Server, wait_until

Serve = Callable[..., Server]

CHILD_EXIT = """
from prometheus_client import multiprocess
def child_exit(server, worker):
    multiprocess.mark_process_dead(worker.pid)
"""


def metric(server: Server, name: str) -> float:
    """The value; -1 where the client library stumbles over the files of workers that come and go."""
    with server.client() as client:
        body = client.get("/metrics").body.decode()
    found = re.search(rf"^{name} (\S+)$", body, re.MULTILINE)
    return float(found[1]) if found else -1


def test_prometheus_in_multiprocess_mode(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    config = tmp_path / "settings.py"
    config.write_text(CHILD_EXIT)
    options = ("-c", str(config), "-w", "2", "prometheus_counter:app")
    server = serve(*options, workers=2, env={"PROMETHEUS_MULTIPROC_DIR": str(folder)})
    first, _ = server.wait_workers(2)
    for _ in range(10):
        with server.client() as client:
            assert client.get("/").status == 200
    wait_until(lambda: metric(server, "app_alive") == 2, "both workers' gauges")
    assert metric(server, "app_requests_total") == 10
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: first not in server.workers() and len(server.workers()) == 2, "a successor")
    # Counters of the dead are kept, gauges of the living only: the hook has removed the file of the
    # dead worker.
    wait_until(lambda: not (folder / f"gauge_livesum_{first}.db").exists(), "the hook")
    wait_until(lambda: metric(server, "app_alive") == 2, "the successor's gauge")
    assert metric(server, "app_requests_total") == 10


@pytest.mark.parametrize("threads", ["4", "100"])
def test_flask_socketio_in_threading_mode(serve: Serve, threads: str) -> None:
    server = serve("--threads", threads, "socketio_echo:app")
    url = f"ws://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket"
    sockets = [simple_websocket.Client(url) for _ in range(2)]
    for number, socket in enumerate(sockets):
        assert json.loads(expect(socket, "0")[1:])["pingInterval"]
        socket.send("40")
        assert json.loads(expect(socket, "40")[2:])["sid"]
        socket.send(f'42["echo",{{"number":{number}}}]')
        assert expect(socket, "42") == f'42["echoed",{{"number":{number}}}]'
    with server.client() as client:
        assert client.get("/").body == b"plain"
        polled = client.get("/socket.io/?EIO=4&transport=polling")
        assert polled.status == 200
        assert json.loads(polled.body[1:])["upgrades"] == ["websocket"]
    for socket in sockets:
        socket.close()
    assert server.terminate() == 0
    # simple-websocket's own thread may complain about its closed socket; the server has nothing to
    # complain about.
    assert "Error" not in "".join(re.findall(r"\[ERROR\].*", server.stderr.text()))


def expect(socket: simple_websocket.Client, kind: str) -> str:
    """The next message but for pings, which is of this kind of Engine.IO and Socket.IO packet."""
    while (message := socket.receive(timeout=30)) == "2":
        socket.send("3")
    assert isinstance(message, str)
    assert message.startswith(kind), message
    return message
