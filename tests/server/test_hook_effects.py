"""Hooks: in which process each one runs, what its objects say, and what follows when it raises."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Server, run_to_end, wait_until

Serve = Callable[..., Server]

MASTER = {
    "nworkers_changed": "server, new, old",
    "on_starting": "server",
    "when_ready": "server",
    "pre_fork": "server, worker",
    "child_exit": "server, worker",
    "on_reload": "server",
    "on_exit": "server",
}
WORKER = {
    "post_fork": "server, worker",
    "post_worker_init": "worker",
    "pre_request": "worker, req",
    "post_request": "worker, req, environ, resp",
    "worker_int": "worker",
    "worker_abort": "worker",
    "worker_exit": "server, worker",
}


class Record:
    """What the hooks of a server have written: one JSON object per line."""

    def __init__(self, tmp_path: Path) -> None:
        self.path = tmp_path / "record"
        self.config = tmp_path / "settings.py"

    def hooks(self, hooks: dict[str, str], extra: str = "") -> tuple[str, str]:
        """A configuration whose hooks write their name, process and `say(...)` of their arguments."""
        source = [
            "import json, os",
            "def write(name, **said):",
            "    line = json.dumps({'hook': name, 'pid': os.getpid(), **said}, default=str) + '\\n'",
            f"    fd = os.open({str(self.path)!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)",
            "    os.write(fd, line.encode())",
            "    os.close(fd)",
            "def say(**objects): return {}",
            extra,
        ]
        for name, parameters in hooks.items():
            given = ", ".join(f"{word}={word}" for word in parameters.split(", "))
            source += [f"def {name}({parameters}):", f"    write({name!r}, **say({given}))"]
        self.config.write_text("\n".join(source) + "\n")
        return "-c", str(self.config)

    def lines(self, hook: str | None = None) -> list[dict[str, Any]]:
        """The records so far, all or those of one hook."""
        text = self.path.read_text() if self.path.exists() else ""
        lines = [json.loads(line) for line in text.splitlines()]
        return [line for line in lines if hook in (None, line["hook"])]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path)


@pytest.mark.parametrize("worker_class", ["sync", "gthread", "worker_classes.Bare"])
def test_each_hook_runs_in_its_process_and_order(serve: Serve, record: Record, worker_class: str) -> None:
    options = record.hooks(MASTER | WORKER)
    server = serve(*options, "-k", worker_class, "hello:app")
    (first,) = server.wait_workers(1)
    with server.client() as client:
        assert client.get("/").status == 200
    wait_until(lambda: record.lines("post_request"), "post_request")
    mark = server.stderr.mark()
    server.signal(signal.SIGHUP)
    server.stderr.wait_for("Reload complete", since=mark)
    wait_until(lambda: record.lines("child_exit"), "child_exit")
    (second,) = server.wait_workers(1)
    os.kill(second, signal.SIGQUIT)
    wait_until(lambda: len(record.lines("child_exit")) == 2, "child_exit")
    assert server.terminate() == 0

    lines = record.lines()
    assert {line["hook"]: line["pid"] == server.pid for line in lines} == {
        **dict.fromkeys(MASTER, True),
        **dict.fromkeys(set(WORKER) - {"worker_abort"}, False),
    }
    start = [line["hook"] for line in lines if line["pid"] == server.pid][:4]
    assert start == ["nworkers_changed", "on_starting", "when_ready", "pre_fork"]
    assert lines[-1]["hook"] == "on_exit"
    of_first = [line["hook"] for line in lines if line["pid"] == first]
    assert of_first == ["post_fork", "post_worker_init", "pre_request", "post_request", "worker_exit"]
    of_second = [line["hook"] for line in lines if line["pid"] == second]
    assert of_second == ["post_fork", "post_worker_init", "worker_int", "worker_exit"]


SAY = """
def view(listener):
    return [listener.cfg_addr, listener.getsockname(), str(listener), listener.fileno() > 2]
def say(server=None, worker=None, req=None, resp=None, environ=None, **numbers):
    said = dict(numbers)
    if server is not None:
        said["server"] = {
            "listeners": [view(listener) for listener in server.LISTENERS],
            "pid": server.pid, "workers": sorted(server.WORKERS), "num_workers": server.num_workers,
            "address": server.address, "proc_name": server.proc_name, "timeout": server.timeout,
            "age": server.worker_age, "app": type(server.app).__name__, "cfg": server.cfg.workers,
        }
    if worker is not None:
        said["worker"] = {
            "pid": worker.pid, "age": worker.age, "ppid": worker.ppid, "nr": worker.nr,
            "timeout": worker.timeout, "has_app": worker.wsgi is not None, "cfg": worker.cfg.workers,
            "sockets": [view(listener) for listener in worker.sockets], "alive": worker.alive,
            "max_requests": worker.max_requests,
        }
    if req is not None:
        names = "method uri path query fragment version headers scheme peer_addr remote_addr req_number"
        said["req"] = {name: getattr(req, name) for name in [*names.split(), "proxy_protocol_info"]}
    if resp is not None:
        names = "status status_code headers headers_sent sent response_length chunked upgrade version"
        said["resp"] = {name: getattr(resp, name) for name in names.split()}
    if environ is not None:
        said["environ"] = environ["PATH_INFO"]
    return said
"""


def test_what_the_objects_say(serve: Serve, record: Record) -> None:
    options = record.hooks(MASTER | WORKER, SAY)
    arguments = ("-t", "20", "--max-requests", "50", "--proxy-protocol", "-n", "shop", "hello:app")
    server = serve(*options, *arguments)
    with server.client() as client:
        head = "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n"
        client.send(f"{head}GET /a%20b?q=1 HTTP/1.1\r\nHost: x\r\nX-One: 1\r\n\r\n".encode())
        assert client.read_response().status == 200
        assert client.get("/two").status == 200
    wait_until(lambda: len(record.lines("post_request")) == 2, "post_request")
    (worker,) = server.wait_workers(1)

    address = ["127.0.0.1", server.port]
    listener = [[address, address, f"http://127.0.0.1:{server.port}", True]]
    (changed,) = record.lines("nworkers_changed")
    assert (changed["new"], changed["old"]) == (1, None)
    (starting,) = record.lines("on_starting")
    assert starting["server"]["listeners"] == []
    (ready,) = record.lines("when_ready")
    assert ready["server"] == {
        "listeners": listener,
        "pid": server.pid,
        "workers": [],
        "num_workers": 1,
        "address": [address],
        "proc_name": "shop",
        "timeout": 20,
        "age": 0,
        "app": "WSGIApplication",
        "cfg": 1,
    }
    (before,) = record.lines("pre_fork")
    assert (before["worker"]["pid"], before["worker"]["sockets"]) == ("[booting]", listener)
    (initialised,) = record.lines("post_worker_init")
    said = initialised["worker"]
    assert (said["pid"], said["ppid"], said["age"], said["nr"]) == (worker, server.pid, 1, 0)
    assert (said["timeout"], said["sockets"], said["has_app"]) == (10.0, listener, True)

    first, second = record.lines("post_request")
    assert (first["worker"]["nr"], second["worker"]["nr"]) == (1, 2)
    assert first["worker"]["max_requests"] == 50
    req = first["req"]
    assert (req["method"], req["uri"], req["path"], req["query"]) == ("GET", "/a%20b?q=1", "/a%20b", "q=1")
    assert (req["version"], req["scheme"], req["req_number"]) == ([1, 1], "http", 1)
    assert req["headers"] == [["HOST", "x"], ["X-ONE", "1"]]
    assert req["remote_addr"] == ["192.0.2.1", 1234]
    assert req["peer_addr"][0] == "127.0.0.1"
    assert req["proxy_protocol_info"] == {
        "proxy_protocol": "TCP4",
        "client_addr": "192.0.2.1",
        "client_port": 1234,
        "proxy_addr": "192.0.2.2",
        "proxy_port": 80,
    }
    assert second["req"]["req_number"] == 2
    resp = first["resp"]
    assert (resp["status"], resp["status_code"], resp["sent"]) == ("200 OK", 200, 12)
    assert (resp["response_length"], resp["chunked"], resp["headers_sent"]) == (12, False, True)
    assert ["Content-Length", "12"] in resp["headers"]
    assert first["environ"] == "/a b"


def raising(tmp_path: Path, name: str, more: str = "") -> tuple[str, str]:
    parameters = (MASTER | WORKER)[name]
    config = tmp_path / "settings.py"
    config.write_text(f"{more}\ndef {name}({parameters}):\n    raise RuntimeError('hook {name} failed')\n")
    return "-c", str(config)


@pytest.mark.parametrize("name", ["post_fork", "post_worker_init"])
def test_a_hook_of_the_boot_that_raises_ends_the_start(tmp_path: Path, name: str) -> None:
    ended = run_to_end(*raising(tmp_path, name), "hello:app", bind="tcp", deadline_s=30.0)
    assert ended.code == 3
    assert f"RuntimeError: hook {name} failed" in ended.stderr


@pytest.mark.parametrize(
    "name", ["nworkers_changed", "pre_fork", "child_exit", "on_reload", "on_exit", "worker_exit"]
)
def test_a_hook_that_raises_while_the_server_runs_is_logged(serve: Serve, tmp_path: Path, name: str) -> None:
    server = serve(*raising(tmp_path, name), "hello:app")
    (first,) = server.wait_workers(1)
    mark = server.stderr.mark()
    server.signal(signal.SIGHUP)
    server.stderr.wait_for("Reload complete", since=mark)
    wait_until(lambda: first not in server.workers() and server.workers(), "a new worker")
    with server.client() as client:
        assert client.get("/").status == 200
    assert server.terminate() == 0
    assert f"RuntimeError: hook {name} failed" in server.stderr.text()
    assert server.left_over() == []


@pytest.mark.parametrize("worker_class", ["sync", "gthread", "worker_classes.Bare"])
def test_worker_int_that_raises_is_logged_and_the_worker_ends(
    serve: Serve, tmp_path: Path, worker_class: str
) -> None:
    server = serve(*raising(tmp_path, "worker_int"), "-k", worker_class, "hello:app")
    (first,) = server.wait_workers(1)
    os.kill(first, signal.SIGQUIT)
    server.stderr.wait_for("RuntimeError: hook worker_int failed")
    wait_until(lambda: first not in server.workers() and server.workers(), "a successor")
    assert f"Worker (pid:{first}) exited with code" not in server.stderr.text()


def test_worker_abort_that_raises_is_logged_and_the_worker_ends(serve: Serve, tmp_path: Path) -> None:
    server = serve(*raising(tmp_path, "worker_abort"), "-t", "3", "sleeps:app")
    (first,) = server.wait_workers(1)
    with server.client() as client:
        client.send(b"GET /?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n")
        server.stderr.wait_for("RuntimeError: hook worker_abort failed")
        wait_until(lambda: first not in server.workers() and server.workers(), "a successor")


def test_pre_request_that_raises_is_a_500_and_post_request_still_runs(serve: Serve, tmp_path: Path) -> None:
    log = "    worker.log.info('post %s %s', environ, resp.status)"
    post = f"def post_request(worker, req, environ, resp):\n{log}\n"
    server = serve(*raising(tmp_path, "pre_request", post), "hello:app")
    with server.client() as client:
        assert client.get("/").status == 500
    server.stderr.wait_for("RuntimeError: hook pre_request failed")
    server.stderr.wait_for("post {} 500 Internal Server Error")


def test_post_request_that_raises_is_logged(serve: Serve, tmp_path: Path) -> None:
    server = serve(*raising(tmp_path, "post_request"), "hello:app")
    with server.client() as client:
        for _ in range(3):
            assert client.get("/").status == 200
    server.stderr.wait_for("Exception in post_request hook", count=3)


def test_child_exit_is_called_for_a_worker_that_failed_to_boot(record: Record) -> None:
    options = record.hooks({"child_exit": "server, worker"})
    ended = run_to_end(*options, "no_such_module:app", bind="tcp", deadline_s=30.0)
    assert ended.code == 3
    assert len(record.lines("child_exit")) == 1
