"""Logs that platforms can read: on the stream where they belong, once, and as JSON that no client can break.

Each test names the pain of docs/why-tricorn.md that it answers.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Server, wait_until
from harness.server import run_to_end

Serve = Callable[..., Server]
APP = """
import sys
sys.stdout.write("imported\\n")  # one write: two workers do it at once
def app(environ, start_response):
    if environ["PATH_INFO"] == "/raise":
        raise KeyError("caf\\xe9 \\x9b")
    print("two\\nlines", file=environ["wsgi.errors"])
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
LOGGERS = {
    "default": "",
    "derived": "from gunicorn.glogging import Logger\nclass L(Logger): pass\nlogger_class = L\n",
}


def configured(tmp_path: Path, text: str) -> tuple[str, ...]:
    (tmp_path / "shop.py").write_text(APP)
    (tmp_path / "conf.py").write_text(text)
    return "-c", str(tmp_path / "conf.py"), "--chdir", str(tmp_path)


@pytest.mark.parametrize("logger", LOGGERS)
def test_pain_20_only_what_is_wrong_goes_to_standard_error(serve: Serve, tmp_path: Path, logger: str) -> None:
    """Gunicorn 27.0.1: every line of the error log, INFO included, goes to standard error (`errorlog`), or
    every line to the same other place; there is no setting for two.
    """
    options = configured(tmp_path, LOGGERS[logger])
    server = serve(*options, "--log-split", "--capture-output", "-w", "2", "shop:app", ready=None)
    server.stdout.wait_for(r"\[INFO\] Start complete")
    server.signal(signal.SIGUSR1)
    server.stdout.wait_for(r"\[INFO\] Handling signal: usr1")
    with server.client() as client:
        assert client.get("/raise").status == 500
    with server.client() as client:
        assert client.get("/").status == 200
    assert server.terminate() == 0
    stdout, stderr = server.stdout.wait_end(), server.stderr.wait_end()
    mild = [line for line in stdout.splitlines() if line != "imported"]
    assert all(re.match(r"\[[^]]+\] \[\d+\] \[INFO\] ", line) for line in mild), stdout
    order = ["Starting", "Listening at", "Start complete", "Handling signal: usr1", "Shutting down"]
    assert sorted(order, key=stdout.index) == order
    assert "[INFO]" not in stderr
    assert re.findall(r"\[(ERROR|WARNING)\]", stderr) == ["ERROR"]
    assert "\nKeyError: 'caf\xe9 " in stderr
    assert "two\nlines\n" in stderr
    assert "two" not in stdout, "wsgi.errors belongs on standard error"


def test_pain_20_a_split_log_that_is_a_file_is_refused(tmp_path: Path) -> None:
    ended = run_to_end("--log-split", "--log-file", str(tmp_path / "log"), "hello:app")
    assert ended.code == 1
    assert (
        "invalid value for log_split: True (command line): needs the error log on standard error"
        in ended.stderr
    )
    assert not (tmp_path / "log").exists()


LINE = "%(levelname)s|%(message)s"
HANDLER = {"class": "logging.StreamHandler", "formatter": "own", "stream": "ext://sys.stdout"}
DICTS: dict[str, dict[str, Any]] = {
    "an unrelated key": {"version": 1},
    "a formatter": {"formatters": {"generic": {"format": LINE}}},
    "a root logger": {
        "formatters": {"own": {"format": LINE}},
        "handlers": dict.fromkeys(("console", "error_console", "all"), HANDLER),
        "root": {"level": "INFO", "handlers": ["all"]},
    },
    "a logger": {
        "formatters": {"own": {"format": LINE}},
        "handlers": {"console": HANDLER},
        "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["console"]}},
    },
}


@pytest.mark.gunicorn_fails("assert 2 == 1", case="a formatter-dict")
@pytest.mark.parametrize("kind", ["dict", "json"])
@pytest.mark.parametrize("given", DICTS.values(), ids=DICTS)
def test_pain_20_a_log_configuration_doubles_no_line(
    serve: Serve, tmp_path: Path, given: dict[str, Any], kind: str
) -> None:
    """Gunicorn 27.0.1: its own defaults, over which a dict is laid, have both loggers write and hand their
    lines to the root logger, which writes them as well: each line stands on stderr and on stdout (#597,
    #1184).
    """
    (tmp_path / "log.json").write_text(json.dumps({"version": 1, **given}))
    text = (
        f"logconfig_dict = {given!r}\n"
        if kind == "dict"
        else f"logconfig_json = {str(tmp_path / 'log.json')!r}\n"
    )
    server = serve(*configured(tmp_path, text), "shop:app", ready=None)
    wait_until(lambda: "Booting worker" in server.stdout.text() + server.stderr.text(), "a worker")
    with server.client() as client:
        assert client.get("/").status == 200
    assert server.terminate() == 0
    text = server.stdout.wait_end() + server.stderr.wait_end()
    for line in ("Starting ", "Listening at", "Booting worker", "Handling signal: term", "Shutting down"):
        assert text.count(line) == 1, f"{line}\n{text}"


HOSTILE = 'a"b\\c\x7f\x01\x1b[2J</script>{"level":"forged"}\xe9\x9b\t}'
FORMAT = '{"agent": "%(a)s", "referer": %(f)s, "line": "%(r)s", "tenant": "%({x-tenant}i)s", "status": %(s)s}'


@pytest.mark.gunicorn_fails("JSONDecodeError")
def test_pain_21_a_json_access_line_cannot_be_broken_by_a_client(serve: Serve) -> None:
    """Gunicorn 27.0.1: only quotes are escaped, as `\\"`; a backslash or a control character in a header
    makes a line that is no JSON, and a backslash before a quote lets the client write fields of its own
    (#2457, #1706).
    """
    server = serve("--access-logfile", "-", "--access-logformat", FORMAT, "hello:app")
    value = HOSTILE.replace("\x01", "").replace("\x1b", "").replace("\x7f", "")  # what HTTP allows in a field
    with server.client() as client:
        client.send(
            b'GET /%22%5C?q="\\ HTTP/1.1\r\nHost: a\r\nUser-Agent: '
            + value.encode("latin-1")
            + b'\r\nX-Tenant: \\","status":999,"x":"\\\r\nReferer: \\"\r\n\r\n'
        )
        status = client.read_response().status
    assert server.terminate() == 0
    [line] = server.stdout.wait_end().splitlines()
    assert json.loads(line) == {
        "agent": value,
        "referer": '\\"',
        "line": 'GET /%22%5C?q="\\ HTTP/1.1',
        "tenant": '\\","status":999,"x":"\\',
        "status": status,
    }


@pytest.mark.parametrize("logger", LOGGERS)
def test_pain_21_the_error_log_is_json(serve: Serve, tmp_path: Path, logger: str) -> None:
    """Gunicorn 27.0.1: the format of the error log is a class attribute; JSON needs a logger class or a
    logging configuration with a formatter from somewhere else, and tracebacks are lines of their own.
    """
    server = serve(
        *configured(tmp_path, LOGGERS[logger]), "--error-log-format", "json", "shop:app", ready=None
    )
    server.stderr.wait_for("Start complete")
    with server.client() as client:
        assert client.get("/raise").status == 500
    with server.client() as client:
        assert client.get("/").status == 200
    [worker] = server.workers()
    assert server.terminate() == 0
    lines = [json.loads(line) for line in server.stderr.wait_end().splitlines()]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", line["time"])
        assert set(line) - {"traceback"} == {"time", "level", "pid", "message"}
    assert {line["pid"] for line in lines} == {server.pid, worker}
    [error] = [line for line in lines if line["level"] == "ERROR" and "traceback" in line]
    assert error["pid"] == worker
    assert error["message"].startswith("Error handling request")
    assert error["traceback"].startswith("Traceback (most recent call last):\n")
    assert "KeyError: 'caf\xe9 \\x9b'" in error["traceback"]
    assert [line["level"] for line in lines if line["message"] == "two\nlines"] == ["ERROR"]


def test_pain_21_a_boot_that_fails_is_json_too(serve: Serve, tmp_path: Path) -> None:
    server = serve("--error-log-format", "json", "broken_import:app", ready=None)
    assert server.wait_exit() == 3
    lines = [json.loads(line) for line in server.stderr.wait_end().splitlines()]
    [failure] = [line for line in lines if "traceback" in line]
    assert failure["message"].startswith("Exception in worker process")


def test_pain_21_a_class_keeps_its_own_format(serve: Serve, tmp_path: Path) -> None:
    own = LOGGERS["derived"].replace("pass", 'error_fmt = "own|%(message)s"')
    server = serve(*configured(tmp_path, own), "--error-log-format", "json", "shop:app", ready=None)
    server.stderr.wait_for(r"^own\|Start complete")


def test_pain_21_an_unknown_format_is_one_line() -> None:
    ended = run_to_end("--error-log-format", "xml", "hello:app")
    assert ended.code == 1
    text = "Error: invalid value for error_log_format: 'xml' (command line): must be one of text, json"
    assert ended.stderr.strip() == text


def test_an_unknown_facility_is_reported_under_its_own_name() -> None:
    ended = run_to_end("--log-syslog", "--log-syslog-facility", "nosuch", "hello:app")
    assert ended.code == 1
    assert "invalid value for syslog_facility: 'nosuch' (command line): unknown facility name" in ended.stderr
    assert "syslog_addr" not in ended.stderr
