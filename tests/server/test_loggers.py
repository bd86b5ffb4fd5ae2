"""Loggers in Python: `logger_class`, `logconfig` and its kin get every line, and cost no request when they
raise."""

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
STAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[\d+\]"


def config(tmp_path: Path, source: str) -> tuple[str, str]:
    path = tmp_path / "settings.py"
    path.write_text(source)
    return "-c", str(path)


OWN = """
import logging
from gunicorn import glogging

class Own(glogging.Logger):
    error_fmt = "own|%(levelname)s|%(message)s"
    def setup(self, cfg):
        super().setup(cfg)
        if cfg.accesslog:
            self._set_handler(self.access_log, cfg.accesslog, logging.Formatter("access|%(message)s"))
    def atoms(self, resp, req, environ, request_time):
        atoms = super().atoms(resp, req, environ, request_time)
        atoms["own"] = req.method.lower()
        return atoms
    def now(self):
        return "[now]"
access_log_format = "%(own)s %(missing)s %(t)s %(s)s %(U)s %(B)s %({x-app}o)s %({x-one}i)s"
"""
WAYS = {
    "class": OWN + "logger_class = Own\n",
    "path": OWN + "import sys, types\n"
    "module = types.ModuleType('own_loggers'); module.Own = Own; sys.modules['own_loggers'] = module\n"
    "logger_class = 'own_loggers.Own'\n",
    "function": OWN + "def logger_class():\n    return Own\n",
}


@pytest.mark.parametrize("source", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("threads", ["1", "3"])
def test_a_class_gets_every_line(serve: Serve, tmp_path: Path, source: str, threads: str) -> None:
    options = (*config(tmp_path, source), "--access-logfile", str(tmp_path / "access"), "--threads", threads)
    server = serve(*options, "hello:app", ready=r"^own\|INFO\|Start complete")
    with server.client() as client:
        assert client.get("/a", headers={"X-One": '"1"'}).status == 200
        # Refused by the engine, on a thread that does not know Python.
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n")
        server.stderr.wait_for(r"^own\|WARNING\|Invalid request from ip=127\.0\.0\.1")
    assert server.terminate() == 0
    text = server.stderr.text()
    assert (tmp_path / "access").read_text() == 'access|get - [now] 200 /a 12 - \\"1\\"\n'
    for line in ("Starting tricorn", "Listening at", "Booting worker", "Worker exiting", "Shutting down"):
        assert re.search(rf"^own\|INFO\|.*{line}", text, re.MULTILINE), line
    assert not re.search(STAMP, text)


def test_simple_and_gunicorns_name_mean_the_default(serve: Serve) -> None:
    for name in ("simple", "gunicorn.glogging.Logger", "tricorn.glogging.Logger"):
        server = serve("--logger-class", name, "hello:app")
        assert server.terminate() == 0
        assert re.search(rf"^{STAMP} \[INFO\] Starting", server.stderr.text(), re.MULTILINE)


EXCEPTIONS = """
from gunicorn.glogging import Logger
import logging

class Formatter(logging.Formatter):
    def format(self, record):
        name = record.exc_info[0].__name__ if record.exc_info else None
        return f"seen {name} {record.getMessage()}"

class Own(Logger):
    def setup(self, cfg):
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(Formatter())
logger_class = Own
"""


def test_handlers_see_the_exception(serve: Serve, tmp_path: Path) -> None:
    server = serve(*config(tmp_path, EXCEPTIONS), "raises:app", ready="Start complete")
    with server.client() as client:
        assert client.get("/KeyError").status == 500
    server.stderr.wait_for("^seen KeyError Error handling request GET /KeyError$")


RAISING = """
from gunicorn.glogging import Logger
class Own(Logger):
    def info(self, msg, *args, **kwargs):
        raise RuntimeError("info raises")
    def exception(self, msg, *args, **kwargs):
        raise RuntimeError("exception raises")
    def access(self, resp, req, environ, request_time):
        raise RuntimeError("access raises")
logger_class = Own
"""


def test_a_class_that_raises_costs_no_request(serve: Serve, tmp_path: Path) -> None:
    options = (*config(tmp_path, RAISING), "--access-logfile", "-")
    server = serve(*options, "raises:app", ready="Start complete")
    for _ in range(3):
        with server.client() as client:
            assert client.get("/KeyError").status == 500
    assert server.terminate() == 0
    text = server.stderr.text()
    assert "The logger raised" in text
    assert "RuntimeError: info raises" in text
    # What the class did not take is on stderr all the same.
    assert re.search(rf"^{STAMP} \[INFO\] Booting worker", text, re.MULTILINE)
    assert "Error handling request GET /KeyError" in text


def test_an_application_writes_to_the_handlers_streams(serve: Serve, tmp_path: Path) -> None:
    log = tmp_path / "log"
    options = (*config(tmp_path, OWN + "logger_class = Own\n"), "--log-file", str(log))
    server = serve(*options, "errors_stream:app", ready=None)
    wait_until(lambda: log.exists() and "Start complete" in log.read_text(), "a start")
    with server.client() as client:
        assert client.get("/").status == 200
    wait_until(lambda: len(log.read_text().splitlines()) > 5, "what the application wrote")


def test_usr1_and_capture_output(serve: Serve, tmp_path: Path) -> None:
    log, old = tmp_path / "log", tmp_path / "old"
    hook = "def post_worker_init(worker):\n    print('said', flush=True)\n"
    source = OWN + "logger_class = Own\ncapture_output = True\n" + hook
    server = serve(*config(tmp_path, source), "--log-file", str(log), "hello:app", ready=None)
    wait_until(lambda: log.exists() and "Start complete" in log.read_text(), "a start")
    assert "\nsaid\n" in log.read_text()
    log.rename(old)
    server.signal(signal.SIGUSR1)
    wait_until(log.exists, "a new file")
    (worker,) = server.wait_workers(1)
    wait_until(lambda: os.path.samefile(f"/proc/{worker}/fd/2", log), "the worker's standard error")
    assert server.terminate() == 0
    assert "own|INFO|Shutting down: Master" in log.read_text()


def test_reload_takes_a_new_class_and_keeps_the_old_one_if_that_fails(serve: Serve, tmp_path: Path) -> None:
    options = config(tmp_path, OWN + "logger_class = Own\n")
    server = serve(*options, "hello:app", ready="Start complete")
    config(tmp_path, OWN + "logconfig = 'no-such-file.ini'\n")
    mark = server.stderr.mark()
    server.signal(signal.SIGHUP)
    server.stderr.wait_for(r"^own\|ERROR\|Reload failed.*logconfig", since=mark)
    config(tmp_path, OWN.replace("own|", "new|") + "logger_class = Own\n")
    server.signal(signal.SIGHUP)
    server.stderr.wait_for(r"^new\|INFO\|Reload complete", since=mark)
    config(tmp_path, "")
    server.signal(signal.SIGHUP)
    server.stderr.wait_for(rf"^{STAMP} \[INFO\] Reload complete", since=mark)
    with server.client() as client:
        assert client.get("/").status == 200


# Python's logging

LOGGING = {
    "version": 1,
    "formatters": {"plain": {"format": "dict|%(name)s|%(levelname)s|%(message)s"}},
    "handlers": {
        "out": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stdout"}
    },
    "root": {"level": "INFO", "handlers": ["out"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
        "gunicorn.access": {"level": "INFO", "handlers": [], "propagate": True},
    },
}
INI = """
[loggers]
keys = root, error, access
[handlers]
keys = out
[formatters]
keys = plain
[logger_root]
level = INFO
handlers = out
[logger_error]
level = INFO
handlers =
qualname = gunicorn.error
[logger_access]
level = INFO
handlers =
qualname = gunicorn.access
[handler_out]
class = StreamHandler
formatter = plain
args = (sys.stdout,)
[formatter_plain]
format = dict|%(name)s|%(levelname)s|%(message)s
"""


def logging_options(kind: str, tmp_path: Path) -> tuple[str, ...]:
    if kind == "dict":
        return config(tmp_path, f"logconfig_dict = {LOGGING!r}\n")
    if kind == "json":
        (tmp_path / "log.json").write_text(json.dumps(LOGGING))
        return "--log-config-json", str(tmp_path / "log.json")
    (tmp_path / "log.ini").write_text(INI)
    return "--log-config", str(tmp_path / "log.ini")


@pytest.mark.parametrize("kind", ["dict", "json", "ini"])
def test_pythons_logging_gets_every_line(serve: Serve, tmp_path: Path, kind: str) -> None:
    server = serve(*logging_options(kind, tmp_path), "hello:app", ready=None)
    server.stdout.wait_for(r"^dict\|gunicorn\.error\|INFO\|Start complete")
    with server.client() as client:
        assert client.get("/").status == 200
    server.stdout.wait_for(r'^dict\|gunicorn\.access\|INFO\|127\.0\.0\.1 - - .*"GET / HTTP/1\.1" 200 12')
    assert server.terminate() == 0


def test_a_dict_is_laid_over_gunicorns_defaults(serve: Serve, tmp_path: Path) -> None:
    """As in Gunicorn, what is left out comes from CONFIG_DEFAULTS: errors to stderr. Not as in Gunicorn, the
    root logger does not write them once more to stdout."""
    server = serve(*config(tmp_path, "logconfig_dict = {'version': 1, 'extra': 1}\n"), "hello:app")
    server.stderr.wait_for(rf"^{STAMP} \[INFO\] Booting worker")
    assert server.terminate() == 0
    assert "Booting worker" not in server.stdout.wait_end()


BAD = {
    "missing ini": (("--log-config", "no-such.ini"), "logconfig", "No such file"),
    "missing json": (("--log-config-json", "no-such.json"), "logconfig_json", "No such file"),
    "class": (
        ("--logger-class", "no_such_module.Logger"),
        "logger_class",
        "No module named 'no_such_module'",
    ),
    "no class": (("--logger-class", "hello.app"), "logger_class", "is no class"),
    "no logger": (("--logger-class", "builtins.dict"), "logger_class", "without error"),
    "unwritable": (("--logger-class", "own.L", "--log-file", "/no/such/folder/log"), "logger_class", "own"),
}


@pytest.mark.parametrize("options, setting, text", BAD.values(), ids=BAD)
def test_what_cannot_be_used_is_one_line(options: tuple[str, ...], setting: str, text: str) -> None:
    check_line(options, setting, text)


CONTENTS = {
    "broken ini": ("log.ini", "[loggers]\nkeys = root\n", "--log-config", "logconfig"),
    "no ini": ("log.ini", "no section here\n", "--log-config", "logconfig"),
    "broken json": ("log.json", "{", "--log-config-json", "logconfig_json"),
    "list json": ("log.json", "[1]", "--log-config-json", "logconfig_json"),
    "bad json": (
        "log.json",
        '{"handlers": {"x": {"class": "no.Such"}}}',
        "--log-config-json",
        "logconfig_json",
    ),
    "bad dict": ("c.py", "logconfig_dict = {'version': 7}\n", "-c", "logconfig_dict"),
    "unknown handler": (
        "c.py",
        "logconfig_dict = {'version': 1, 'root': {'handlers': ['none']}}\n",
        "-c",
        "logconfig_dict",
    ),
    "unwritable": (
        "c.py",
        "logconfig_dict = {'version': 1}\nerrorlog = '/no/such/folder/log'\n",
        "-c",
        "errorlog",
    ),
    "syslog": (
        "c.py",
        "logconfig_dict = {'version': 1}\nsyslog = True\nsyslog_facility = 'none'\n",
        "-c",
        "syslog_facility",
    ),
}


@pytest.mark.parametrize("name, content, option, setting", CONTENTS.values(), ids=CONTENTS)
def test_bad_content_is_one_line(tmp_path: Path, name: str, content: str, option: str, setting: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    check_line((option, str(path)), setting, "")


def check_line(options: tuple[str, ...], setting: str, text: str) -> None:
    ended = run_to_end(*options, "hello:app", bind="tcp")
    assert ended.code == 1, ended.stderr
    line = ended.stderr.strip()
    assert "\n" not in line, line
    assert setting in line, line
    assert text in line, line
