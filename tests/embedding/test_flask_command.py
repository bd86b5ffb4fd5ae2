"""`flask --app NAME tricorn`: Flask's own command line, with all of our options behind it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness import Server, run_to_end

FLASK = str(Path(sys.executable).parent / "flask")


def command(app: str = "flask_app") -> tuple[str, ...]:
    return FLASK, "--app", app, "tricorn"


@pytest.mark.parametrize("app", ["flask_app", "flask_app:app", "flask_app.py"])
def test_it_serves(app: str) -> None:
    with Server("-w", "2", "--threads", "2", command=command(app), workers=2) as server:
        with server.client() as client:
            assert client.get("/").body == b"hello from flask"
        assert "Using worker: gthread" in server.stderr.text()
        assert len(server.wait_workers(2)) == 2
        assert server.terminate() == 0
        assert server.left_over() == []


def test_factory_and_config_file(tmp_path: Path) -> None:
    """Flask's loader finds it; a config file and GUNICORN_CMD_ARGS count; hooks see its name."""
    (tmp_path / "shop.py").write_text(
        "from flask import Flask\n"
        "def create_app(greeting='no'):\n"
        "    app = Flask('shop')\n"
        "    app.route('/')(lambda: greeting)\n"
        "    return app\n"
    )
    (tmp_path / "gunicorn.conf.py").write_text(
        "def when_ready(server):\n    server.log.info('name %s', server.cfg.proc_name)\n"
    )
    env = {"GUNICORN_CMD_ARGS": "-w 2"}
    with Server(command=command("shop:create_app('good day')"), cwd=tmp_path, env=env, workers=2) as server:
        server.stderr.wait_for(r"name shop:create_app\('good day'\)")
        with server.client() as client:
            assert client.get("/").body == b"good day"


@pytest.mark.parametrize(
    "app, arguments, code, text",
    [
        ("no_such_module", (), 4, "Could not import 'no_such_module'"),
        ("hello", (), 4, "Failed to find Flask application or factory in module 'hello'"),
        (
            "flask_app",
            ("--no-such-option",),
            2,
            "flask tricorn: error: unrecognized arguments: --no-such-option",
        ),
        ("flask_app", ("-w", "many"), 2, "invalid int value: 'many'"),
        ("flask_app", ("-w", "-1"), 1, "invalid value for workers: -1 (command line)"),
        ("flask_app", ("hello:app",), 2, "unexpected argument 'hello:app'"),
        ("broken_import", (), 3, "Traceback"),
    ],
)
def test_bad_input(app: str, arguments: tuple[str, ...], code: int, text: str) -> None:
    finished = run_to_end(*arguments, command=command(app), bind="tcp")
    assert text in finished.stderr
    assert finished.code == code, finished.stderr


def test_help() -> None:
    finished = run_to_end("--help", command=command())
    assert (finished.code, finished.stderr) == (0, "")
    assert finished.stdout.startswith("usage: flask tricorn [OPTIONS]")
    assert "--worker-class" in finished.stdout
    listed = run_to_end("--help", command=(FLASK,))
    assert "Serve with Tricorn." in listed.stdout
