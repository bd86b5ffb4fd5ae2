"""HUP: new code without a lost request, and a bad deploy that never stops a running server."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server, wait_until
from server.load import Load

Serve = Callable[..., Server]
GOOD = """
import sys
sys.stderr.write("loaded {text}\\n")
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "{length}")])
    return [b"{text}"]
"""
BROKEN = {
    "syntax": "def app(:",
    "import": "import no_such_module",
    "raise": "raise RuntimeError('broken deploy')",
    "missing": "other = 1",
    "exit": "import os; os._exit(1)",
    "hang": "import time; time.sleep(1000)",
}


class Deployed:
    """An application in a folder of its own, whose source can be replaced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.deploy("one")

    def deploy(self, text: str) -> None:
        self.write(GOOD.format(text=text, length=len(text)))

    def write(self, source: str) -> None:
        new = self.folder / "deployed.new"
        new.write_text(source)
        os.replace(new, self.folder / "deployed.py")


@pytest.fixture
def deployed(tmp_path: Path) -> Deployed:
    return Deployed(tmp_path)


def body(server: Server) -> bytes:
    with server.client() as client:
        return client.get("/").body


def hang_up(server: Server) -> None:
    """Send HUP to a server that runs: a worker that still loads then is one of the start's, and its end
    another matter."""
    server.stderr.wait_for("Start complete")
    mark = server.stderr.mark()
    server.signal(signal.SIGHUP)
    server.stderr.wait_for("Hang up: Master|Handling signal: hup", since=mark)


@pytest.mark.parametrize("options", [("-k", "sync"), ("--threads", "4")])
def test_under_load_loses_nothing(serve: Serve, deployed: Deployed, options: tuple[str, ...]) -> None:
    server = serve(*options, "-w", "2", "deployed:app", cwd=deployed.folder, workers=2)
    with Load(server) as load:
        for text in ("two", "three", "four"):
            before = set(server.wait_workers(2))
            deployed.deploy(text)
            hang_up(server)
            wait_until(lambda before=before: not before & set(server.workers()), "the old workers' end")
            server.wait_workers(2)
            wait_until(lambda text=text: load.answers[-1] == text.encode(), f"answers of {text}")
            load.wait_answers(20)
    assert load.failures == []
    assert set(load.answers) == {b"one", b"two", b"three", b"four"}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_application_keeps_the_old_one(serve: Serve, deployed: Deployed, kind: str) -> None:
    """Also one that hangs: a HUP that follows takes over after `graceful_timeout` at the latest."""
    server = serve("-w", "2", "--graceful-timeout", "5", "deployed:app", cwd=deployed.folder, workers=2)
    before = server.wait_workers(2)
    deployed.write(BROKEN[kind])
    with Load(server) as load:
        mark = server.stderr.mark()
        hang_up(server)
        if kind != "hang":
            server.stderr.wait_for(r"\[(ERROR|CRITICAL|WARNING)\]", since=mark)
        load.wait_answers(200)
        assert set(load.answers) == {b"one"}
        assert set(before) <= set(server.workers())
        deployed.deploy("mended")
        hang_up(server)
        wait_until(lambda: b"mended" in load.answers, "the mended application", 30.0)
        wait_until(lambda: not set(before) & set(server.workers()), "the old workers' end")
    assert load.failures == []


def test_replacement_that_hangs_is_ended_at_a_deadline(serve: Serve, deployed: Deployed) -> None:
    server = serve("--boot-timeout", "3", "deployed:app", cwd=deployed.folder)
    before = server.wait_workers(1)
    deployed.write(BROKEN["hang"])
    mark = server.stderr.mark()
    hang_up(server)
    server.stderr.wait_for("did not finish loading in time|WORKER TIMEOUT", since=mark)
    assert body(server) == b"one"
    assert set(before) <= set(server.workers())


def test_broken_config_file_keeps_the_old_one(serve: Serve, deployed: Deployed) -> None:
    config = deployed.folder / "settings.py"
    config.write_text("workers = 2\n")
    server = serve("-c", str(config), "deployed:app", cwd=deployed.folder, workers=2)
    for broken in ("raise RuntimeError('no')", "workers = 'many'", "def workers(:"):
        config.write_text(broken)
        mark = server.stderr.mark()
        hang_up(server)
        server.stderr.wait_for(r"\[ERROR\]|Error:", since=mark)
        assert body(server) == b"one"
        assert len(server.wait_workers(2)) == 2
    config.write_text("workers = 3\n")
    hang_up(server)
    server.wait_workers(3)
    assert body(server) == b"one"


def test_ten_signals_at_once(serve: Serve, deployed: Deployed) -> None:
    server = serve("-w", "2", "deployed:app", cwd=deployed.folder, workers=2)
    server.stderr.wait_for("Start complete")
    with Load(server) as load:
        for _ in range(10):
            server.signal(signal.SIGHUP)
        deployed.deploy("two")
        hang_up(server)
        wait_until(lambda: load.answers[-1] == b"two", "the new application")
        server.wait_workers(2, 30.0)
    assert load.failures == []


def test_preloaded_application_is_not_reloaded(serve: Serve, deployed: Deployed) -> None:
    """As in Gunicorn: what is preloaded stays until the master is replaced."""
    server = serve("--preload", "deployed:app", cwd=deployed.folder)
    before = server.wait_workers(1)
    deployed.deploy("two")
    hang_up(server)
    wait_until(
        lambda: server.workers() and server.workers() != before and len(server.workers()) == 1, "a new worker"
    )
    assert body(server) == b"one"


def test_replacement_that_fails_to_boot_stops_nobody(serve: Serve, deployed: Deployed) -> None:
    """A worker that dies after a bad deploy cannot come back, but the others serve on, and a mended one
    returns.
    """
    server = serve("-w", "2", "deployed:app", cwd=deployed.folder, workers=2)
    first, second = server.wait_workers(2)
    deployed.write(BROKEN["raise"])
    mark = server.stderr.mark()
    os.kill(first, signal.SIGKILL)
    server.stderr.wait_for("RuntimeError: broken deploy", since=mark)
    for _ in range(50):
        assert body(server) == b"one"
    assert second in server.workers()
    deployed.deploy("mended")
    server.stderr.wait_for("loaded mended", 40.0, since=mark)
    server.wait_workers(2)
    os.kill(second, signal.SIGKILL)
    wait_until(lambda: body(server) == b"mended", "the mended application")


def test_lone_client_is_not_forgotten(serve: Serve, deployed: Deployed) -> None:
    """The kernel tells one worker of a new connection, and that one may be about to leave. It must not leave
    it to siblings that sleep: with no other client nothing would wake them.
    """
    server = serve("-w", "2", "deployed:app", cwd=deployed.folder, workers=2)
    server.stderr.wait_for("Start complete")
    for _ in range(10):
        mark = server.stderr.mark()
        server.signal(signal.SIGHUP)
        while "Reload complete" not in server.stderr.text(mark):
            assert body(server) == b"one"
        for _ in range(20):
            assert body(server) == b"one"
