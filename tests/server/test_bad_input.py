"""Bad input anywhere gives one clear line and a non-zero exit code, before anything listens; never a
traceback.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from harness import Server, run_to_end

CASES: list[tuple[tuple[str, ...], int, str]] = [
    (("--no-such-option", "hello:app"), 2, "--no-such-option"),
    (("--wrokers", "3", "hello:app"), 2, "--wrokers"),
    (("--workers", "many", "hello:app"), 2, "many"),
    (("--workers", "-1", "hello:app"), 1, "-1"),
    (("--workers",), 2, "workers"),
    (("--timeout", "soon", "hello:app"), 2, "soon"),
    (("--max-requests=0x10", "hello:app"), 2, "0x10"),
    (("--umask", "rwx", "hello:app"), 2, "rwx"),
    (("--user", "no-such-user", "hello:app"), 1, "no-such-user"),
    (("--group", "no-such-group", "hello:app"), 1, "no-such-group"),
    (("--forwarded-allow-ips", "300.1.1.1", "hello:app"), 1, "300.1.1.1"),
    (("--header-map", "maybe", "hello:app"), 1, "maybe"),
    (("one", "--timeout", "13", "two"), 2, "two"),
    ((), 1, "No application module specified"),
    (("-c", "no-such-file.py", "hello:app"), 1, "no-such-file.py"),
    (("-c", "python:no_such_module", "hello:app"), 1, "no_such_module"),
    (("-k", "nonsense", "hello:app"), 1, "nonsense"),
    (("-k", "hello.NoSuchClass", "hello:app"), 1, "hello.NoSuchClass"),
    (("--bind", "127.0.0.1:99999", "hello:app"), 1, "99999"),
    (("--bind", "127.0.0.1:http", "hello:app"), 1, "http"),
    (("--bind", "no.such.host.invalid:8000", "hello:app"), 1, "no.such.host.invalid"),
    (("--bind", "fd://999", "hello:app"), 1, "999"),
    (("--log-file", "/no/such/folder/log", "hello:app"), 1, "/no/such/folder/log"),
    (("--access-logfile", "/no/such/folder/log", "hello:app"), 1, "/no/such/folder/log"),
    (("--pid", "/no/such/folder/pid", "hello:app"), 1, "/no/such/folder"),
    (("--chdir", "/no/such/folder", "hello:app"), 1, "/no/such/folder"),
    (("--log-syslog", "--log-syslog-facility", "nonsense", "hello:app"), 1, "nonsense"),
]


@pytest.mark.parametrize("arguments, code, text", CASES, ids=[" ".join(case[0]) for case in CASES])
def test_command_line(arguments: tuple[str, ...], code: int, text: str) -> None:
    binds = "--bind" in arguments
    ended = run_to_end(*arguments, bind=None if binds else "tcp", deadline_s=20.0)
    check(ended.code, ended.stderr, code, text)
    assert ended.stdout == ""


CONFIGS = [
    ("workers = 'many'\n", "workers"),
    ("workers = -3\n", "workers"),
    ("timeout = None\n", "timeout"),
    ("bind = 5\n", "bind"),
    ("worker_class = 'nonsense'\n", "nonsense"),
    ("post_fork = 5\n", "post_fork"),
    ("def post_fork(only_one): pass\n", "post_fork"),
    ("raw_env = ['no equals sign']\n", "no equals sign"),
]


@pytest.mark.parametrize("source, text", CONFIGS)
def test_config_file(tmp_path: Path, source: str, text: str) -> None:
    config = tmp_path / "settings.py"
    config.write_text(source)
    ended = run_to_end("-c", str(config), "hello:app", bind="tcp")
    check(ended.code, ended.stderr, 1, text)


@pytest.mark.parametrize(
    "source",
    [
        "raise RuntimeError('inside')\n",
        "def broken(:\n",
        "import no_such_module\n",
        "raise KeyboardInterrupt",
    ],
)
def test_config_file_that_cannot_be_read(tmp_path: Path, source: str) -> None:
    """A traceback is the clear answer: it is the user's own code that failed."""
    config = tmp_path / "settings.py"
    config.write_text(source)
    ended = run_to_end("-c", str(config), "hello:app", bind="tcp")
    assert ended.code == 1
    assert f"Failed to read config file: {config}" in ended.stderr
    assert ended.stderr.count("Traceback (most recent call last)") == 1


@pytest.mark.parametrize(
    "env, code, text",
    [
        ({"GUNICORN_CMD_ARGS": "--no-such-option"}, 2, "--no-such-option"),
        ({"GUNICORN_CMD_ARGS": "--workers many"}, 2, "many"),
        ({"GUNICORN_CMD_ARGS": "--bind 'unclosed"}, 2, "GUNICORN_CMD_ARGS|No closing quotation"),
        ({"WEB_CONCURRENCY": "many"}, 1, "WEB_CONCURRENCY"),
    ],
)
def test_environment(env: dict[str, str], code: int, text: str) -> None:
    ended = run_to_end("hello:app", bind="tcp", env=env)
    assert "Traceback" not in ended.stderr
    assert ended.code == code
    assert re.search(text, ended.stderr)


@pytest.mark.parametrize(
    "name", ["GUNICORN_CMD_ARGS", "WEB_CONCURRENCY", "PORT", "FORWARDED_ALLOW_IPS", "SENDFILE"]
)
def test_environment_that_is_no_text(name: str) -> None:
    ended = run_to_end("hello:app", env={name: "\udcff"})
    check(ended.code, ended.stderr, 1, f"the environment variable {name} is not UTF-8")


def test_working_directory_that_is_gone(tmp_path: Path) -> None:
    prefix = ("bash", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "bash")
    with Server("hello:app", cwd=tmp_path, ready=None, prefix=prefix) as server:
        code = server.wait_exit(20.0)
    check(code, server.stderr.text(), 1, "the working directory cannot be found: No such file or directory")


def test_bind_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_to_end("-b", f"127.0.0.1:{port}", "hello:app", deadline_s=30.0)
    assert ended.code == 1
    assert "Traceback" not in ended.stderr
    assert f"127.0.0.1', {port}" in ended.stderr or f"127.0.0.1:{port}" in ended.stderr


def check(got_code: int, stderr: str, code: int, text: str) -> None:
    """The exit code is right, the text names what is wrong, and there is no traceback."""
    assert "Traceback" not in stderr, stderr
    assert "panicked" not in stderr, stderr
    assert text in stderr, stderr
    assert got_code == code, stderr
