"""The command line's own answers: version, help, the settings as they are, a check without serving."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import Server, run_to_end
from harness.command import program_name


@pytest.mark.parametrize("flag", ["--version", "-v"])
def test_version(flag: str) -> None:
    ended = run_to_end(flag)
    assert ended.code == 0
    assert re.fullmatch(rf"{program_name()} \(version \d+\.\d+(\.\w+)*\)\n", ended.stdout)
    assert ended.stderr == ""


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help(flag: str) -> None:
    ended = run_to_end(flag)
    assert ended.code == 0
    assert ended.stdout.lower().startswith("usage: ")
    for option in (
        "--bind",
        "--workers",
        "--worker-class",
        "--threads",
        "--graceful-timeout",
        "--forwarded-allow-ips",
    ):
        assert option in ended.stdout


def test_print_config(tmp_path: Path) -> None:
    config = tmp_path / "settings.py"
    config.write_text("workers = 3\ntimeout = 7\ndef post_fork(server, worker): pass\n")
    ended = run_to_end("--print-config", "-c", str(config), "--timeout", "9", "hello:app")
    assert ended.code == 0, ended.stderr
    settings = dict(re.findall(r"^(\w+) += (.*)$", ended.stdout, re.MULTILINE))
    assert {name: settings.get(name) for name in ("workers", "timeout", "worker_class", "threads")} == {
        "workers": "3",
        "timeout": "9",
        "worker_class": "sync",
        "threads": "1",
    }
    assert settings["post_fork"] == "<post_fork()>"
    names = re.findall(r"^(\w+) ", ended.stdout, re.MULTILINE)
    assert names == sorted(names)
    assert len(names) >= 120


def test_check_config() -> None:
    ended = run_to_end("--check-config", "hello:app")
    assert (ended.code, ended.stdout) == (0, "")
    assert ended.stderr == ""


@pytest.mark.parametrize("uri", ["broken_import:app", "hello:nope", "no_such_module:app"])
def test_check_config_of_a_broken_application(uri: str) -> None:
    ended = run_to_end("--check-config", uri)
    assert ended.code == 1
    assert "Error while loading the application:" in ended.stderr


SPELLINGS = [
    ("-w", "2"),
    ("-w2",),
    ("--workers", "2"),
    ("--workers=2",),
    ("-w", "5", "--workers=2"),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("is_application_first", [True, False])
def test_spellings(spelling: tuple[str, ...], is_application_first: bool) -> None:
    arguments = ("hello:app", *spelling) if is_application_first else (*spelling, "hello:app")
    ended = run_to_end("--print-config", *arguments)
    assert re.search("^workers += 2$", ended.stdout, re.MULTILINE), ended.stderr


def test_abbreviated_option() -> None:
    ended = run_to_end("--print-config", "--graceful-time", "7", "hello:app")
    assert re.search("^graceful_timeout += 7$", ended.stdout, re.MULTILINE), ended.stderr


PRECEDENCE = [
    ({}, "", "", "1"),
    ({"WEB_CONCURRENCY": "2"}, "", "", "2"),
    ({"WEB_CONCURRENCY": "2"}, "3", "", "3"),
    ({"WEB_CONCURRENCY": "2", "GUNICORN_CMD_ARGS": "-w4"}, "3", "", "4"),
    ({"WEB_CONCURRENCY": "2", "GUNICORN_CMD_ARGS": "-w4"}, "3", "5", "5"),
]


@pytest.mark.parametrize("env, in_file, on_line, expected", PRECEDENCE)
def test_precedence(tmp_path: Path, env: dict[str, str], in_file: str, on_line: str, expected: str) -> None:
    """Defaults and environment < config file < GUNICORN_CMD_ARGS < command line."""
    (tmp_path / "hello.py").write_text("app = print\n")
    if in_file:
        (tmp_path / "gunicorn.conf.py").write_text(f"workers = {in_file}\n")
    line = ("-w", on_line) if on_line else ()
    ended = run_to_end("--print-config", *line, "hello:app", cwd=tmp_path, env=env)
    assert re.search(f"^workers += {expected}$", ended.stdout, re.MULTILINE), ended.stderr


def test_application_from_the_config_file(tmp_path: Path) -> None:
    config = tmp_path / "settings.py"
    config.write_text("wsgi_app = 'hello:app'\n")
    with Server("-c", str(config)) as server, server.client() as client:
        assert client.get("/").body == b"hello, world"


def test_module_without_the_command(tmp_path: Path) -> None:
    """`python -m` runs the same program."""
    command = [sys.executable, "-m", program_name(), "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=dict(os.environ))
    assert ended.returncode == 0
    assert "version" in ended.stdout
