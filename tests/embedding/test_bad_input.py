"""What goes wrong in an embedding program gives one clear line and the exit code that Gunicorn has for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedding.program import ended

# Lines of the program, exit code, what the line must say.
CASES: list[tuple[str, int, str]] = [
    (
        "class P(Plain):\n    def load_config(self): raise ValueError('no such tenant')\nP().run()\n",
        1,
        "Error: no such tenant",
    ),
    ("BaseApplication().run()\n", 1, "Error: BaseApplication must define load_config()"),
    (
        "class P(Application):\n    def load(self): return app\nP().run()\n",
        1,
        "Error: P must define init(parser, opts, args)",
    ),
    (
        "class P(BaseApplication):\n    def load_config(self): pass\nP().run()\n",
        1,
        "Error: P does not define load(): there is nothing to serve",
    ),
    (
        "Full.options = {'wrokers': 2}\nFull().run()\n",
        1,
        "Error: No configuration setting for: wrokers (did you mean workers?)",
    ),
    ("Full.options = {'zzzz': 2}\nFull().run()\n", 1, "Error: No configuration setting for: zzzz"),
    (
        "Full.options = ['workers']\nFull().run()\n",
        1,
        "Full.init() returned ['workers']; it must return a dict",
    ),
    (
        "Plain.options = {'workers': 'many'}\nPlain().run()\n",
        1,
        "invalid value for workers: 'many' (the program)",
    ),
    ("Plain.options = {'post_fork': lambda: None}\nPlain().run()\n", 1, "invalid value for post_fork"),
    (
        "Plain.options = {'post_fork': 'no.such.hook'}\nPlain().run()\n",
        1,
        "invalid value for post_fork: 'no.such",
    ),
    ("Plain.options = {'bind': 'nowhere:port'}\nPlain().run()\n", 1, "nowhere:port"),
    ("Plain.options = {'raw_env': ['NAME']}\nPlain().run()\n", 1, "invalid value for raw_env: ['NAME']"),
    ("Plain.options = {'worker_class': 'nonsense'}\nPlain().run()\n", 1, "nonsense"),
    ("WSGIApplication().run()\n", 1, "Error: No application module specified."),
    (
        "class P(Plain):\n    def load(self): return None\nP().run()\n",
        4,
        "P.load() must return a WSGI application, which is callable; it returned None",
    ),
    ("class P(Plain):\n    def load(self): return 5\nP().run()\n", 4, "it returned 5"),
    (
        "class P(Plain):\n    options = {'preload_app': True}\n    def load(self): return 5\nP().run()\n",
        4,
        "it returned 5",
    ),
    ("class P(Plain):\n    def load(self): raise RuntimeError('no database')\nP().run()\n", 3, "no database"),
    (
        "class P(Plain):\n    def load(self): sys.exit(Arbiter.APP_LOAD_ERROR)\nP().run()\n",
        4,
        "SystemExit: 4",
    ),
    (
        "def post_fork(server, worker): Plain().run()\n"
        "Plain.options = {'post_fork': post_fork}\nPlain().run()\n",
        3,
        "run() was called in a process that serves already",
    ),
]


@pytest.mark.parametrize("lines, code, text", CASES, ids=[case[2] for case in CASES])
def test_program(tmp_path: Path, lines: str, code: int, text: str) -> None:
    finished = ended(tmp_path, lines, deadline_s=30.0)
    assert text in finished.stderr
    assert finished.code == code, finished.stderr
    is_own_failure = "no database" in lines or "sys.exit" in lines or "post_fork(server" in lines
    assert ("Traceback" in finished.stderr) == is_own_failure, finished.stderr
    assert finished.stdout == ""


COMMAND_LINES: list[tuple[tuple[str, ...], dict[str, str], int, str]] = [
    (("--no-such-option",), {}, 2, "unrecognized arguments: --no-such-option"),
    (("-w", "many"), {}, 2, "invalid int value: 'many'"),
    (("-w", "-1"), {}, 1, "invalid value for workers: -1 (command line)"),
    (("-c", "no-such.py"), {}, 1, "'no-such.py' doesn't exist"),
    (("--chdir", "/no/such"), {}, 1, "invalid value for chdir: '/no/such' (command line)"),
    ((), {"GUNICORN_CMD_ARGS": "-w -1"}, 1, "invalid value for workers: -1 (GUNICORN_CMD_ARGS)"),
    ((), {"GUNICORN_CMD_ARGS": "-w '1"}, 1, "GUNICORN_CMD_ARGS: No closing quotation"),
    ((), {"WEB_CONCURRENCY": "many"}, 1, "WEB_CONCURRENCY"),
]


@pytest.mark.parametrize("arguments, env, code, text", COMMAND_LINES)
def test_command_line(
    tmp_path: Path, arguments: tuple[str, ...], env: dict[str, str], code: int, text: str
) -> None:
    finished = ended(tmp_path, "Full().run()\n", *arguments, env=env)
    assert text in finished.stderr
    assert "Traceback" not in finished.stderr
    assert finished.code == code


@pytest.mark.parametrize(
    "file, text",
    [
        ("workers = 'many'\n", "invalid value for workers: 'many' (config file "),
        ("raise RuntimeError('inside')\n", "RuntimeError: inside"),
        ("raise SystemExit(0)\n", "SystemExit: 0"),
    ],
)
def test_config_file(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / "gunicorn.conf.py").write_text(file)
    finished = ended(tmp_path, "Full().run()\n")
    assert text in finished.stderr
    assert finished.code == 1
