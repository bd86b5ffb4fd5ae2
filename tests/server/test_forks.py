"""Applications that fork: the child is no second worker, keeps no port, and its signals are its own."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server, wait_until
from harness.processes import is_alive
from harness.server import APPS

Serve = Callable[..., Server]
MODES = [("-k", "sync"), ("--threads", "2")]


@pytest.mark.parametrize("options", MODES)
def test_twin_does_not_serve(serve: Serve, options: tuple[str, ...]) -> None:
    server = serve(*options, "forks:app")
    [worker] = server.wait_workers(1)
    with server.client() as client:
        assert client.get("/twin").status == 200
    server.stderr.wait_for("forked by the application came back into the server")
    for _ in range(40):
        with server.client() as client:
            assert client.get("/").body == b"%d" % worker
    assert server.workers() == [worker]


@pytest.mark.parametrize("options", MODES)
def test_terminating_a_child_does_not_end_the_worker(serve: Serve, options: tuple[str, ...]) -> None:
    server = serve(*options, "forks:app")
    [worker] = server.wait_workers(1)
    with server.client() as client:
        assert client.get("/terminate").body == b"-%d" % signal.SIGTERM
    with server.client() as client:
        assert client.get("/").body == b"%d" % worker


@pytest.mark.parametrize("options", MODES)
def test_child_holds_neither_port_nor_connections(serve: Serve, options: tuple[str, ...]) -> None:
    server = serve(*options, "--keep-alive", "1", "forks:app")
    with server.client() as idle, server.client() as client:
        assert idle.get("/").status == 200
        child = int(client.get("/sleeper").body)
        try:
            assert idle.read_to_end() == b"", "an idle connection is closed although a child holds its socket"
            server.terminate()
            with socket.socket() as again:
                again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                wait_until(lambda: not again.bind(("127.0.0.1", server.port)), "the port")
                again.listen()
        finally:
            os.kill(child, signal.SIGKILL)


HELPER = """
import multiprocessing, os, time
def helper():
    with open("helper.pid.new", "w") as file:
        file.write(str(os.getpid()))
    os.rename("helper.pid.new", "helper.pid")
    time.sleep(60)
def {hook}(server):
    multiprocessing.get_context("fork").Process(target=helper, daemon={daemon}).start()
"""


@pytest.mark.parametrize("hook", ["on_starting", "when_ready"])
def test_a_helper_of_a_hook_has_its_signals_for_itself(serve: Serve, tmp_path: Path, hook: str) -> None:
    """It inherits the master's handlers: what was sent to it stopped the server."""
    (tmp_path / "conf.py").write_text(HELPER.format(hook=hook, daemon=False))
    server = serve("-c", "conf.py", "--pythonpath", str(APPS), "hello:app", cwd=tmp_path)
    wait_until((tmp_path / "helper.pid").exists, "the helper")
    helper = int((tmp_path / "helper.pid").read_text())
    os.kill(helper, signal.SIGTERM)
    wait_until(lambda: not is_alive(helper), "the helper's end")
    with server.client() as client:
        assert client.get("/").status == 200
    assert "Handling signal" not in server.stderr.text()
    assert server.terminate() == 0


def test_a_daemonic_helper_does_not_hold_the_stop_up(serve: Serve, tmp_path: Path) -> None:
    """multiprocessing ends it with TERM when the master exits, and waits for it."""
    (tmp_path / "conf.py").write_text(HELPER.format(hook="on_starting", daemon=True))
    server = serve("-c", "conf.py", "--pythonpath", str(APPS), "hello:app", cwd=tmp_path)
    wait_until((tmp_path / "helper.pid").exists, "the helper")
    assert server.terminate() == 0


@pytest.mark.parametrize("hook", ["on_starting", "when_ready", "pre_fork"])
def test_a_process_that_a_hook_lets_go_on_is_no_master(serve: Serve, tmp_path: Path, hook: str) -> None:
    arguments = "server, worker" if hook == "pre_fork" else "server"
    (tmp_path / "conf.py").write_text(f"import os\ndef {hook}({arguments}): os.fork()\n")
    server = serve("-c", "conf.py", "--pythonpath", str(APPS), "hello:app", cwd=tmp_path)
    server.stderr.wait_for(f"a process forked by the hook {hook} came back into the server and was ended")
    assert len(server.wait_workers(1)) == 1
    with server.client() as client:
        assert client.get("/").status == 200
    assert server.terminate() == 0
    assert server.left_over() == []
