"""Worker classes of somebody else: how they are named, what they find, how the master treats them."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server, run_to_end, wait_until

Serve = Callable[..., Server]
COMPLETE = r"Start complete: \d+ workers serve"


def start(serve: Serve, *options: str, app: str = "hello:app", **more: object) -> Server:
    """A server whose workers say that they serve in the log: they have no monitor to look for."""
    return serve(*options, app, ready=COMPLETE, **more)


def config(tmp_path: Path, source: str) -> tuple[str, str]:
    path = tmp_path / "settings.py"
    path.write_text(source)
    return "-c", str(path)


def answer(server: Server) -> dict[str, object]:
    with server.client() as client:
        response = client.get("/")
        assert response.status == 200
        said: dict[str, object] = json.loads(response.body)
        return said


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A folder with a distribution that has entry points."""
    info = tmp_path / "plugins" / "plug_in-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug-in\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[gunicorn.workers]\nplugged = worker_classes:Plain\nbroken = no_such_module:Plain\n"
    )
    return info.parent


NAMES = ["worker_classes.Plain", "plugged", "egg:plug-in#plugged"]


@pytest.mark.parametrize("name", NAMES)
def test_a_class_is_found_by_name(serve: Serve, plugin: Path, name: str) -> None:
    server = start(serve, "-k", name, env={"PYTHONPATH": str(plugin)})
    assert answer(server)["missing"] == []
    assert server.terminate() == 0
    assert f"Using worker: {name}" in server.stderr.text()


OBJECTS = {
    "class": "from worker_classes import Plain as worker_class\n",
    "function": "from worker_classes import plain\nworker_class = plain\n",
    "text": "worker_class = 'worker_classes.Plain'\n",
}


@pytest.mark.parametrize("source", OBJECTS.values(), ids=OBJECTS)
def test_a_class_is_given_by_the_config_file(serve: Serve, tmp_path: Path, source: str) -> None:
    server = start(serve, *config(tmp_path, source))
    assert answer(server)["missing"] == []
    assert server.terminate() == 0


def test_what_a_class_finds(serve: Serve) -> None:
    server = start(serve, "-k", "worker_classes.Plain", "-w", "2", "-t", "10", workers=1)
    said = answer(server)
    assert said["pid"] in server.workers()
    assert said["age"] in (1, 2)
    assert said["sockname"] == said["cfg_addr"] == ["127.0.0.1", server.port]
    assert (said["booted"], said["timeout"], said["workers"]) == (True, 5.0, 2)


BAD = [
    ("nonsense", r"nonsense.*is not available; there are sync, gthread"),
    ("gevent", r"gevent.*is not available"),
    ("worker_classes.Missing", r"worker_classes has no Missing"),
    ("no_such_module.Worker", r"cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
    ("hello.app", r"is no class but"),
    ("builtins.dict", r"a class without init_process and run"),
    ("egg:no-such-project#x", r"no distribution is named no-such-project"),
    ("egg:plug-in#missing", r"plug-in has no entry point missing"),
    ("egg:plug-in", r"not of the form egg:DISTRIBUTION#name"),
    ("broken", r"cannot be loaded from no_such_module:Plain"),
]


@pytest.mark.parametrize("name, pattern", BAD, ids=[name for name, _ in BAD])
def test_a_class_that_cannot_be_used(plugin: Path, name: str, pattern: str) -> None:
    ended = run_to_end("-k", name, "hello:app", bind="tcp", env={"PYTHONPATH": str(plugin)})
    assert ended.code == 1
    line = ended.stderr.strip()
    assert "\n" not in line
    assert re.search(pattern, line), line
    assert "worker_class" in line
    assert "command line" in line


def test_a_function_that_raises(tmp_path: Path) -> None:
    source = "def worker_class():\n    raise RuntimeError('no class today')\n"
    ended = run_to_end(*config(tmp_path, source), "hello:app", bind="tcp")
    assert ended.code == 1
    assert "worker_class" in ended.stderr
    assert "no class today" in ended.stderr


@pytest.mark.parametrize(
    "name, code, text",
    [
        ("Unable", 3, "RuntimeError: the worker class failed to boot"),
        ("Leaving", 4, "App failed to load"),
        ("Plain", 4, "Failed to find attribute 'missing' in 'hello'"),
    ],
)
def test_a_boot_that_fails_ends_the_start(name: str, code: int, text: str) -> None:
    app = "hello:missing" if name == "Plain" else "hello:app"
    ended = run_to_end("-k", f"worker_classes.{name}", app, bind="tcp", deadline_s=30.0)
    assert ended.code == code
    assert text in ended.stderr


def test_a_class_that_does_not_call_init_process_is_ready_when_it_beats(serve: Serve) -> None:
    server = start(serve, "-k", "worker_classes.Alone")
    assert answer(server)["app"]
    assert server.terminate() == 0


def test_a_class_that_stops_beating_is_replaced(serve: Serve, tmp_path: Path) -> None:
    source = "def worker_abort(worker):\n    worker.log.info('hook worker_abort')\n"
    server = start(serve, *config(tmp_path, source), "-k", "worker_classes.Forgetful", "-t", "1")
    (first,) = server.wait_workers(1)
    server.stderr.wait_for(rf"WORKER TIMEOUT \(pid:{first}\)")
    server.stderr.wait_for("hook worker_abort")
    wait_until(lambda: server.workers() not in ([], [first]), "a successor")


def test_a_class_that_beats_is_not_killed(serve: Serve) -> None:
    server = start(serve, "-k", "worker_classes.Plain", "-t", "3")
    (worker,) = server.wait_workers(1)
    # More than the timeout of waiting, told by the master's own clock: USR1 is logged each second.
    end = r"Handling signal: usr1"
    for count in range(1, 6):
        mark = server.stderr.mark()
        server.signal(signal.SIGUSR1)
        server.stderr.wait_for(end, since=mark)
        answer(server)
        wait_until(lambda count=count: _age_s(worker) > count, "a second")
    assert server.workers() == [worker]
    assert "WORKER TIMEOUT" not in server.stderr.text()


def _age_s(pid: int) -> float:
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return uptime - ticks / os.sysconf("SC_CLK_TCK")


def test_a_class_that_raises_while_it_serves_is_replaced(serve: Serve) -> None:
    server = start(serve, "-k", "worker_classes.Raising")
    (first,) = server.wait_workers(1)
    with server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server.stderr.wait_for("RuntimeError: the worker class failed while it served")
    server.stderr.wait_for(rf"Worker \(pid:{first}\) exited with code 255")
    wait_until(lambda: server.workers() not in ([], [first]), "a successor")


def test_handle_error_logs_and_answers(serve: Serve) -> None:
    server = start(serve, "-k", "worker_classes.Failing")
    with server.client() as client:
        response = client.get("/")
        assert response.status == 500
        assert b"Internal Server Error" in response.body
    server.stderr.wait_for("KeyError: 'answering'")


def test_signals_and_hooks(serve: Serve, tmp_path: Path) -> None:
    hooks = ["worker_int", "worker_exit", "post_worker_init", "post_fork", "pre_fork", "child_exit"]
    source = ""
    for name in hooks:
        arguments = "worker" if name in ("worker_int", "post_worker_init") else "server, worker"
        source += f"def {name}({arguments}):\n    worker.log.info('hook {name} %s', worker.pid)\n"
    log = tmp_path / "log"
    options = (*config(tmp_path, source), "-k", "worker_classes.Plain", "--log-file", str(log))
    server = serve(*options, "hello:app", ready=None)
    wait_until(lambda: log.exists() and re.search(COMPLETE, log.read_text()), "a start")
    (worker,) = server.wait_workers(1)
    log.rename(tmp_path / "old")
    server.signal(signal.SIGUSR1)
    wait_until(log.exists, "a new file")
    os.kill(worker, signal.SIGQUIT)
    wait_until(lambda: f"hook child_exit {worker}" in log.read_text(), "the end")
    assert server.terminate() == 0
    text = (tmp_path / "old").read_text() + log.read_text()
    seen = re.findall(rf"hook (\w+) (?:{worker}|\[booting\])", text)
    assert seen[:4] == ["pre_fork", "post_fork", "post_worker_init", "worker_int"]
    assert seen[4:6] == ["worker_exit", "child_exit"]
    assert f"Worker (pid:{worker}) exited with code" not in text


def test_a_dead_master_takes_its_classes_along(serve: Serve) -> None:
    server = start(serve, "-k", "worker_classes.Alone")
    (worker,) = server.wait_workers(1)
    server.signal(signal.SIGKILL)
    server.wait_exit()
    wait_until(lambda: not Path(f"/proc/{worker}").exists(), "the worker's end")


# Classes derived from ours


def test_overrides_of_the_sync_worker(serve: Serve) -> None:
    server = start(serve, "-k", "worker_classes.Timed", "--access-logfile", "-", app="environ_dump:app")
    with server.client() as client:
        for _ in range(2):
            response = client.get("/path?q=1")
            assert response.status == 200
            assert b"own.load_wsgi" in response.body
    server.stderr.wait_for("after /path nr=2 addr=127.0.0.1")
    server.stdout.wait_for('"GET /path\\?q=1 HTTP/1.1" 200', count=2)
    (worker,) = server.wait_workers(1)
    os.kill(worker, signal.SIGQUIT)
    server.stderr.wait_for("own handle_quit")
    assert server.terminate() == 0
    text = server.stderr.text()
    for line in ("own init_process", "own notify", "before GET /path", "after /path nr=1"):
        assert line in text, line


@pytest.mark.parametrize("name", ["Bare", "Threaded", "Timed"])
def test_a_derived_class_serves_like_its_parent(serve: Serve, name: str) -> None:
    server = start(serve, "-k", f"worker_classes.{name}", "--threads", "2", "--max-requests", "3")
    (first,) = server.wait_workers(1)
    with server.client() as client:
        for _ in range(3):
            assert client.get("/").body == b"hello, world"
    server.stderr.wait_for("Autorestarting worker after current request")
    wait_until(lambda: first not in server.workers() and server.workers(), "a successor")
    with server.client() as client:
        assert client.get("/").status == 200
    assert server.terminate() == 0


def test_an_override_that_raises_is_a_500(serve: Serve) -> None:
    server = start(serve, "-k", "worker_classes.Timed", app="raises:app")
    with server.client() as client:
        assert client.get("/").status == 500
    server.stderr.wait_for("Error handling request GET /")


def test_an_override_that_answers_by_itself(serve: Serve) -> None:
    server = start(serve, "-k", "worker_classes.Direct")
    with server.client() as client:
        assert client.get("/").body == b"direct"


def test_an_override_without_a_part_is_named(serve: Serve) -> None:
    server = start(serve, "-k", "worker_classes.Accepting")
    with server.client() as client:
        assert client.get("/").status == 200
    server.stderr.wait_for(r"\[WARNING\] Accepting: accept: not called")


def test_a_run_of_its_own(serve: Serve) -> None:
    server = start(serve, "-k", "worker_classes.OwnLoop")
    assert answer(server)["missing"] == []
    assert server.terminate() == 0


# uvicorn


def test_uvicorn_worker(serve: Serve) -> None:
    options = ("-k", "uvicorn_worker.UvicornWorker", "-w", "2", "-t", "5", "--access-logfile", "-")
    server = start(serve, *options, app="fastapi_app:app")
    workers = server.wait_workers(2)
    assert answer(server)["pid"] in workers
    server.stdout.wait_for('"GET / HTTP/1.1" 200')
    mark = server.stderr.mark()
    server.signal(signal.SIGHUP)
    server.stderr.wait_for("Reload complete", since=mark)
    wait_until(lambda: not set(server.workers()) & set(workers), "new workers")
    assert answer(server)["pid"] in server.workers()
    assert server.terminate() == 0
    assert server.left_over() == []


def test_uvicorn_worker_recycles(serve: Serve) -> None:
    options = ("-k", "uvicorn_worker.UvicornWorker", "--max-requests", "1")
    server = start(serve, *options, app="fastapi_app:app")
    (first,) = server.wait_workers(1)
    assert answer(server)["pid"] == first
    wait_until(lambda: server.workers() not in ([], [first]), "a successor")
    assert server.terminate() == 0


def test_uvicorn_worker_that_cannot_start(tmp_path: Path) -> None:
    (tmp_path / "broken_asgi.py").write_text(
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'lifespan':\n"
        "        await receive()\n"
        "        await send({'type': 'lifespan.startup.failed', 'message': 'no database'})\n"
    )
    options = ("-k", "uvicorn_worker.UvicornWorker", "broken_asgi:app")
    ended = run_to_end(*options, bind="tcp", cwd=tmp_path, deadline_s=30.0)
    assert "no database" in ended.stderr
    assert ended.code == 3
