"""What hooks and the configuration file change in the objects they get takes effect, as in Gunicorn."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Server, wait_until

Serve = Callable[..., Server]
MODES = [("-k", "sync"), ("--threads", "2"), ("-k", "tricorn.workers.sync.SyncWorker")]

APP = """
import json, os
def app(environ, start_response):
    said = {key: value for key, value in environ.items() if isinstance(value, str)}
    body = json.dumps(said | {"pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


@pytest.fixture
def configured(serve: Serve, tmp_path: Path) -> Callable[..., Server]:
    """A server with this configuration file, whose application answers with its environ and its pid."""

    def start(config: str, *options: str) -> Server:
        (tmp_path / "asked.py").write_text(APP)
        (tmp_path / "conf.py").write_text(config)
        return serve("-c", "conf.py", *options, "asked:app", cwd=tmp_path)

    return start


def ask(server: Server, target: str = "/", headers: dict[str, str] | None = None) -> dict[str, Any]:
    with server.client() as client:
        answer = client.get(target, {"Connection": "close", **(headers or {})})
        assert answer.status == 200
        said: dict[str, Any] = json.loads(answer.body)
        return said


CHANGES = {
    "a header is taken away": (
        "req.headers[:] = [pair for pair in req.headers if pair[0] != 'X-SECRET']",
        {"HTTP_X_SECRET": None, "HTTP_X_KEPT": "k"},
    ),
    "a new list": ("req.headers = [('HOST', 'b.test')]", {"HTTP_HOST": "b.test", "HTTP_X_KEPT": None}),
    "headers are added": (
        "req.headers += [('X-REQUEST-ID', '7'), ('X-KEPT', 'too'), ('CONTENT-TYPE', 'a/b')]",
        {"HTTP_X_REQUEST_ID": "7", "HTTP_X_KEPT": "k,too", "CONTENT_TYPE": "a/b"},
    ),
    "the path": (
        "req.path = '/b%20c'",
        {"PATH_INFO": "/b c", "RAW_URI": "/a?q=1", "QUERY_STRING": "q=1"},
    ),
    "the rest of the target": (
        "req.uri, req.query = '/elsewhere', 'q=2'",
        {"PATH_INFO": "/a", "RAW_URI": "/elsewhere", "QUERY_STRING": "q=2"},
    ),
    "method and scheme": (
        "req.method, req.scheme = 'PUT', 'https'",
        {"REQUEST_METHOD": "PUT", "wsgi.url_scheme": "https"},
    ),
    "where the application is": (
        "req.headers.append(('SCRIPT_NAME', '/a'))",
        {"SCRIPT_NAME": "/a", "PATH_INFO": "", "HTTP_SCRIPT_NAME": "/a"},
    ),
    "characters beyond ASCII": ("req.path = '/\u20ac'", {"PATH_INFO": "/\u20ac".encode().decode("latin-1")}),
    "the version": ("req.version = (1, 0)", {"SERVER_PROTOCOL": "HTTP/1.0"}),
    "nothing": ("pass", {"HTTP_X_SECRET": "s", "REQUEST_METHOD": "GET", "wsgi.url_scheme": "http"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_pre_request_changes_the_request(configured: Callable[..., Server], change: str) -> None:
    code, expected = CHANGES[change]
    server = configured(f"def pre_request(worker, req):\n    {code}\n")
    said = ask(server, "/a?q=1", {"X-Secret": "s", "X-Kept": "k"})
    assert {key: said.get(key) for key in expected} == expected


@pytest.mark.parametrize("options", MODES)
def test_a_hook_that_sets_alive_to_false_has_the_worker_replaced(
    configured: Callable[..., Server], options: tuple[str, ...]
) -> None:
    """The usual way to recycle a worker by its memory."""
    config = "def post_request(worker, req):\n    if req.path == '/recycle':\n        worker.alive = False\n"
    server = configured(config, *options)
    first = ask(server)["pid"]
    assert ask(server)["pid"] == first
    ask(server, "/recycle")
    server.stderr.wait_for(rf"\[{first}\] \[INFO\] A hook has set worker.alive to False")
    wait_until(lambda: ask(server)["pid"] != first, "the successor")
    assert len(server.wait_workers(1)) == 1
    assert server.terminate() == 0


@pytest.mark.parametrize("options", MODES)
def test_an_end_by_signal_is_not_taken_for_it(
    configured: Callable[..., Server], options: tuple[str, ...]
) -> None:
    server = configured("def worker_int(worker):\n    worker.log.info('alive: %s', worker.alive)\n", *options)
    server.signal(signal.SIGINT)
    assert server.wait_exit() == 0
    server.stderr.wait_for("alive: False")
    assert "worker.alive" not in server.stderr.text()


def test_pre_request_closes_the_connection(configured: Callable[..., Server]) -> None:
    server = configured(
        "def pre_request(worker, req):\n    if req.path == '/last':\n        req.force_close()\n"
    )
    with server.client() as client:
        assert client.get("/").header("connection") == "keep-alive"
        assert client.get("/last").header("connection") == "close"
        assert client.read_to_end() == b""


@pytest.mark.parametrize("hook", ["post_fork(server, worker)", "post_worker_init(worker)"])
@pytest.mark.parametrize("options", MODES)
def test_a_hook_sets_the_limit_of_its_worker(
    configured: Callable[..., Server], options: tuple[str, ...], hook: str
) -> None:
    server = configured(f"def {hook}:\n    worker.max_requests = 2\n", *options)
    first = ask(server)["pid"]
    wait_until(lambda: ask(server)["pid"] != first, "the successor")
    server.stderr.wait_for(rf"\[{first}\] \[INFO\] Autorestarting worker after current request")


@pytest.mark.parametrize("options", MODES)
def test_post_worker_init_wraps_the_application(
    configured: Callable[..., Server], options: tuple[str, ...]
) -> None:
    config = (
        "def post_worker_init(worker):\n"
        "    inner = worker.wsgi\n"
        "    worker.wsgi = lambda environ, start: inner(environ | {'wrapped': 'yes'}, start)\n"
    )
    assert ask(configured(config, *options))["wrapped"] == "yes"


FILTERS = """
import logging, sys
class NotHealth(logging.Filter):
    def filter(self, record):
        return "/health" not in record.getMessage()
class Copy(logging.Handler):
    def emit(self, record):
        sys.stderr.write("copy: " + record.getMessage() + "\\n")
accesslog = "-"
"""


@pytest.mark.parametrize("options", [("-k", "sync"), ("--threads", "2")])
def test_filters_and_handlers_of_the_configuration_file(
    configured: Callable[..., Server], options: tuple[str, ...]
) -> None:
    """The idiom that keeps health checks out of the access log."""
    config = (
        FILTERS
        + "logging.getLogger('gunicorn.access').addFilter(NotHealth())\n"
        + "logging.getLogger('gunicorn.error').addHandler(Copy())\n"
    )
    server = configured(config, *options)
    for target in ("/a", "/health", "/b"):
        ask(server, target)
    server.stdout.wait_for('"GET /b HTTP/1.1" 200')
    lines = server.stdout.text()
    assert '"GET /a HTTP/1.1" 200' in lines
    assert "/health" not in lines
    server.stderr.wait_for("^copy: Booting worker with pid")
    assert re.search(r"^\[.*\] \[INFO\] Booting worker with pid", server.stderr.text(), re.MULTILINE)


@pytest.mark.parametrize(
    "change",
    [
        "worker.log.access_log.addFilter(NotHealth())",
        "worker.log.access_log.setLevel(logging.ERROR)",
        "worker.log.error_log.addHandler(Copy())",
        "worker.log.error_log.setLevel(logging.CRITICAL)",
        "worker.log.error_log.disabled = True",
    ],
)
@pytest.mark.parametrize("options", MODES)
def test_what_comes_too_late_is_said(
    configured: Callable[..., Server], change: str, options: tuple[str, ...]
) -> None:
    server = configured(FILTERS + f"def post_fork(server, worker):\n    {change}\n", *options)
    name = "gunicorn.error" if "error_log" in change else "gunicorn.access"
    server.stderr.wait_for(
        rf"\[WARNING\] What a hook or the application has set on the logger {name} does not"
    )
