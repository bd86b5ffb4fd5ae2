"""New code, good and bad, on a server that runs: nobody is lost, and nothing stops because of it.

Each test names the pain of docs/why-tricorn.md that it answers.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server, wait_until
from server.load import Load
from server.upgrade import upgrade, wait_gone

Serve = Callable[..., Server]
APP = """
import os, time
while os.path.exists("hold"): time.sleep(0.01)
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "{length}")])
    return [b"{text}"]
"""


class Deployment:
    """A folder with an application that can be replaced by another version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put("one")

    def put(self, text: str) -> None:
        self.write(APP.format(text=text, length=len(text)))

    def write(self, source: str) -> None:
        (self.folder / "site.new").write_text(source)
        os.replace(self.folder / "site.new", self.folder / "shop.py")


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


def started(serve: Serve, deployment: Deployment, *options: str) -> Server:
    server = serve(*options, "-w", "2", "shop:app", cwd=deployment.folder, workers=2)
    server.wait_complete()
    return server


BROKEN = ("def app(:", "import no_such_module", "raise RuntimeError", "app = None", "raise SystemExit(3)")


@pytest.mark.gunicorn_fails("Worker failed to boot", case="reload-import no_such_module")
@pytest.mark.gunicorn_fails("Worker failed to boot", case="crash-def app(:")
@pytest.mark.gunicorn_fails("Worker failed to boot|App failed to load", case="TTIN-app = None")
@pytest.mark.parametrize("source", BROKEN)
@pytest.mark.parametrize("how", ["reload", "crash", "TTIN"])
def test_pain_4_a_worker_that_cannot_boot_stops_nobody(
    serve: Serve, deployment: Deployment, source: str, how: str
) -> None:
    """Gunicorn: the server halts with "Worker failed to boot", hours after a good start."""
    server = started(serve, deployment)
    first, second = server.workers()
    deployment.write(source)
    mark = server.stderr.mark()
    with Load(server) as load:
        if how == "crash":
            os.kill(first, signal.SIGKILL)
        else:
            server.signal(signal.SIGHUP if how == "reload" else signal.SIGTTIN)
        server.stderr.wait_for("Trying again in", since=mark)
        load.wait_answers(50)
        assert set(load.answers) == {b"one"}
        assert second in server.workers()
        if how != "crash":
            assert load.failures == []
    deployment.put("two")
    server.signal(signal.SIGHUP)
    server.stderr.wait_for("Reload complete", 30.0, since=mark)
    wait_until(lambda: answer(server) == b"two", "the mended code")


def answer(server: Server) -> bytes:
    with server.client() as client:
        return client.get("/", {"Connection": "close"}).body


@pytest.mark.gunicorn_fails(r"(Booting worker with pid: \d+\n.*exited with code 1.\n.*){5}", deadline_s=10)
def test_pain_5_a_crash_loop_does_not_eat_the_machine(serve: Serve, deployment: Deployment) -> None:
    """Gunicorn: workers that crash while they load are forked again at once, for ever."""
    server = started(serve, deployment)
    deployment.write("import os; os._exit(1)")
    mark = server.stderr.mark()
    os.kill(server.workers()[0], signal.SIGKILL)
    waits = []
    for count in range(1, 5):
        found = server.stderr.wait_for(r"Trying again in (\d+) ms", since=mark, count=count)
        waits.append(int(found.group(1)))
    assert waits == sorted(waits)
    assert waits[-1] >= 4 * waits[0]
    with server.client() as client:
        assert client.get("/").body == b"one"


@pytest.mark.gunicorn_fails("not within .*: 20 more answers")
def test_pain_6_a_reload_leaves_no_hole(serve: Serve, deployment: Deployment) -> None:
    """Gunicorn: the old workers get TERM when the new ones are forked, whether those can serve or not."""
    server = started(serve, deployment)
    before = set(server.workers())
    (deployment.folder / "hold").touch()
    deployment.put("two")
    mark = server.stderr.mark()
    with Load(server) as load:
        server.signal(signal.SIGHUP)
        server.stderr.wait_for("Booting worker", since=mark)
        # For longer than a worker of Gunicorn's takes to go once it is told to.
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            load.wait_answers(20)
        assert before <= set(server.workers()), "all old ones serve while the new ones load"
        assert set(load.answers) == {b"one"}
        (deployment.folder / "hold").unlink()
        server.stderr.wait_for("Reload complete", since=mark)
        wait_until(lambda: load.answers[-1] == b"two", "the new code")
        wait_until(lambda: not before & set(server.workers()), "the old workers' end")
    assert load.failures == []


@pytest.mark.gunicorn_fails(r"USR2 loads it anew' in stderr:(\n.*)*Hang up: Master(\n.*)*Serving")
def test_pain_7_a_preloaded_application_can_be_replaced(serve: Serve, deployment: Deployment) -> None:
    """Gunicorn: HUP keeps the old code and does not say so. Here it says so, and what it points to loses
    nobody. A process cannot forget what it has imported; a new one can start clean.
    """
    server = started(serve, deployment, "--preload")
    deployment.put("two")
    mark = server.stderr.mark()
    server.signal(signal.SIGHUP)
    server.stderr.wait_for(r"\[WARNING\] preload_app: .* USR2 loads it anew", since=mark)
    server.stderr.wait_for("Reload complete", since=mark)
    with server.client() as client:
        assert client.get("/").body == b"one"
    with Load(server) as load:
        new = upgrade(server)
        assert server.terminate() == 0
        server.stderr.wait_for("Master has been promoted")
        wait_until(lambda: load.answers[-1] == b"two", "the new code")
        load.wait_answers(50)
    assert load.failures == []
    os.kill(new, signal.SIGTERM)
    wait_gone(new)


@pytest.mark.parametrize("options", [("-k", "sync"), ("--threads", "4")])
def test_pain_10_recycling_resets_nobody(
    serve: Serve, deployment: Deployment, options: tuple[str, ...]
) -> None:
    """Under load: no request is lost while workers come and go."""
    server = started(serve, deployment, *options, "--max-requests", "50")
    with Load(server) as load:
        load.wait_answers(1000)
        # The old ones serve on until their successors do.
        server.stderr.wait_for("Autorestarting worker after current request.", 30.0, count=4)
    assert load.failures == []


@pytest.mark.gunicorn_fails(
    "get.*\n(.*\n)*.*(closed without a response|nothing to read within)|2 x 'Booting worker' in stderr"
)
def test_pain_10_a_waiting_connection_is_not_cut(serve: Serve, deployment: Deployment) -> None:
    """Gunicorn: a gthread worker that is recycled waits for the connections it has kept, without accepting
    and without a successor, and in the end resets them, sometimes with a request. Here their next requests
    are answered; that answer says `Connection: close`.
    """
    options = ("--threads", "4", "--keep-alive", "30", "--max-requests", "4")
    server = serve(*options, "shop:app", cwd=deployment.folder)
    with server.client() as idle, server.client() as idler, server.client() as busy:
        for client in (idle, idler):
            assert not client.get("/").wants_close()
        assert [busy.get("/").status for _ in range(2)] == [200] * 2
        server.stderr.wait_for("Autorestarting worker after current request.")
        assert idle.get("/").wants_close()
        server.stderr.wait_for("Booting worker", count=2)
        assert idler.get("/").wants_close()
