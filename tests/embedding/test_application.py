"""`Application` and `WSGIApplication`: the configuration's layers in order, and the two looks."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from embedding.program import command_of, ended
from harness import Server
from harness.server import APPS

SHOW = """
app_ = Full()
print(app_.cfg.workers, app_.cfg.timeout, app_.cfg.threads, app_.cfg.keepalive)
"""


@pytest.mark.parametrize(
    "arguments, env, file, expected",
    [
        ((), {}, None, "3 31 4 5"),
        ((), {"WEB_CONCURRENCY": "7"}, None, "3 31 4 5"),
        ((), {}, "workers = 11", "11 31 4 5"),
        ((), {"GUNICORN_CMD_ARGS": "-w 12"}, "workers = 11", "12 31 4 5"),
        (("-w13",), {"GUNICORN_CMD_ARGS": "-w 12"}, "workers = 11", "13 31 4 5"),
        (("runserver", "--time", "77"), {}, None, "3 77 4 5"),
    ],
)
def test_layers(
    tmp_path: Path, arguments: tuple[str, ...], env: dict[str, str], file: str | None, expected: str
) -> None:
    """init() < config file < GUNICORN_CMD_ARGS < command line; keys of init() in any case."""
    if file is not None:
        (tmp_path / "gunicorn.conf.py").write_text(file)
    lines = "Full.options = {'WORKERS': 3, 'timeout': 31, 'threads': '4', 'keepalive': 5}\n" + SHOW
    shown = ended(tmp_path, lines, *arguments, env=env, bind=None)
    assert (shown.stdout, shown.code) == (expected + "\n", 0), shown.stderr


def test_config_file_of_either_layer(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("workers = 21")
    (tmp_path / "two.py").write_text("workers = 22\ntimeout = 99")
    env = {"GUNICORN_CMD_ARGS": "-c one.py"}
    assert ended(tmp_path, SHOW, env=env, bind=None).stdout.startswith("21 30 ")
    assert ended(tmp_path, SHOW, "-c", "two.py", env=env, bind=None).stdout.startswith("22 99 ")
    assert ended(tmp_path, SHOW, "-c", "python:two", env=env, bind=None).stdout.startswith("22 99 ")


def test_steps_can_be_replaced(tmp_path: Path) -> None:
    """A subclass with a config file of its own kind."""
    lines = """
class Own(Full):
    def get_config_from_filename(self, filename):
        return {"workers": 5, "unknown": 1, "timeout": 55} if filename == "own.toml" else {}
print((lambda a: (a.cfg.workers, a.cfg.timeout, a.cfg.settings["workers"].source))(Own()))
"""
    shown = ended(tmp_path, lines, "-c", "own.toml", bind=None)
    assert shown.stdout == "(5, 55, 'config file own.toml')\n", shown.stderr


def test_check_and_print(tmp_path: Path) -> None:
    lines = "Full.options = {'workers': 3}\nFull().run()\n"
    checked = ended(tmp_path, lines, "--check-config")
    assert (checked.code, checked.stdout, checked.stderr) == (0, "", "")
    printed = ended(tmp_path, lines, "--print-config")
    assert printed.code == 0
    assert "\nworkers " in printed.stdout and printed.stdout.count("= <post_fork()>") == 1
    broken = ended(
        tmp_path, lines.replace("Full().run()", "Full.load = lambda s: 1 / 0\nFull().run()"), "--check-config"
    )
    assert broken.code == 1
    assert broken.stderr.startswith("\nError while loading the application:\n")
    assert broken.stderr.rstrip().endswith("ZeroDivisionError: division by zero")


def test_wsgi_application_is_the_command(tmp_path: Path) -> None:
    command = command_of(tmp_path, "WSGIApplication('%(prog)s [OPTIONS] [APP_MODULE]').run()\n")
    arguments = ("--chdir", str(APPS), "-w", "2", "hello:app")
    with Server(*arguments, command=command, cwd=tmp_path, workers=2) as server:
        with server.client() as client:
            assert client.get("/").status == 200
        assert server.terminate() == 0


def test_wsgi_application_reloads_its_code(tmp_path: Path) -> None:
    """The workers import the application, so a reload serves what is written now."""
    source = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'{}']\n"
    (tmp_path / "served.py").write_text(source.format("old"))
    command = command_of(tmp_path, "WSGIApplication().run()\n")
    with Server("served:app", command=command, cwd=tmp_path) as server:
        with server.client() as client:
            assert client.get("/").body == b"old"
        (tmp_path / "served.py").write_text(source.format("newer"))
        server.signal(signal.SIGHUP)
        server.stderr.wait_for("Reload complete")
        server.stderr.wait_for("Worker exiting")  # the old one may answer until then
        server.wait_workers(1)
        with server.client() as client:
            assert client.get("/").body == b"newer"


def test_settings_of_the_programs_own(tmp_path: Path) -> None:
    """A subclass of Setting has an option and a place in cfg."""
    lines = '''
from tricorn.config import KNOWN_SETTINGS, Setting, validate_pos_int
class Colour(Setting):
    name = "colour_depth"
    section = "Paint"
    cli = ["--colour-depth"]
    meta = "INT"
    validator = validate_pos_int
    type = int
    default = 8
    desc = """\\
        Bits per colour.

        More are better."""
assert KNOWN_SETTINGS[-1] is Colour
print(Full().cfg.colour_depth, Full().cfg.settings["colour_depth"].short)
Full().cfg.validate()
'''
    assert ended(tmp_path, lines, bind=None).stdout == "8 Bits per colour.\n"
    assert ended(tmp_path, lines, "--colour-depth=0x10", bind=None).code == 2
    assert ended(tmp_path, lines, "--colour-depth", "16", bind=None).stdout == "16 Bits per colour.\n"
