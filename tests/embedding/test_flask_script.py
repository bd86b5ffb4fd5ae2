"""The program that this interface is measured by, unchanged: Flask 1.1.4 with Flask-Script, started by
`python run.py runserver`, which imports `gunicorn.app.base`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedding.venvs import FLASK_SCRIPT, python_with
from harness import Server, run_to_end
from harness.server import free_port

RUN = '''
from flask import Flask
from flask_script import Command, Manager

app = Flask(__name__)
manager = Manager(app)


@app.route("/")
def index():
    return "Hello from Flask 1"


def post_fork(server, worker):
    server.log.info("Worker spawned (pid: %s)", worker.pid)


class GunicornServer(Command):
    """Run the app within Gunicorn"""

    def run(self):
        from gunicorn.app.base import Application

        class FlaskApplication(Application):
            def init(self, parser, opts, args):
                return {
                    'bind': '0.0.0.0:PORT',
                    'workers': 4,
                    'threads': 2,
                    'worker_class': 'gthread',
                    'post_fork': post_fork
                }

            def load(self):
                return app

        FlaskApplication().run()


manager.add_command("runserver", GunicornServer())

if __name__ == "__main__":
    manager.run()
'''


@pytest.fixture
def python() -> Path:
    return python_with(*FLASK_SCRIPT)


@pytest.fixture
def server(tmp_path: Path, python: Path) -> Iterator[Server]:
    port = free_port()
    (tmp_path / "run.py").write_text(RUN.replace("PORT", str(port)))
    with Server("runserver", command=(str(python), "run.py"), bind=None, cwd=tmp_path, workers=4) as server:
        server.address = ("127.0.0.1", port)
        yield server


@pytest.mark.timeout(900)  # the first time, packages are downloaded and built
def test_runserver(server: Server) -> None:
    assert len(server.wait_workers(4)) == 4
    for pid in server.workers():
        server.stderr.wait_for(rf"\[INFO\] Worker spawned \(pid: {pid}\)")
    for _ in range(8):
        with server.client() as client:
            response = client.get("/")
        assert (response.status, response.body) == (200, b"Hello from Flask 1")
    assert "Using worker: gthread" in server.stderr.text()

    mark = server.stderr.mark()
    server.signal(signal.SIGHUP)
    server.stderr.wait_for("Reload complete", since=mark)
    server.stderr.wait_for("Worker spawned", since=mark, count=4)
    with server.client() as client:
        assert client.get("/").status == 200
    assert server.terminate() == 0
    assert server.left_over() == []


@pytest.mark.timeout(900)
def test_the_command_line_of_the_script_is_ours_too(tmp_path: Path, python: Path) -> None:
    """Words are positionals, an option of ours counts, another is refused."""
    (tmp_path / "run.py").write_text(
        RUN.replace("PORT", "0").replace("manager.run()", "GunicornServer().run()")
    )
    command = (str(python), "run.py")
    printed = run_to_end("runserver", "-w", "1", "--print-config", command=command, cwd=tmp_path)
    assert printed.code == 0, printed.stderr
    assert "= 1\n" in printed.stdout.partition("\nworkers ")[2][:60]
    assert "<post_fork()>" in printed.stdout
    refused = run_to_end("runserver", "--no-such", command=command, cwd=tmp_path)
    assert refused.code == 2
    assert "unrecognized arguments: --no-such" in refused.stderr


@pytest.mark.timeout(900)
def test_the_command_gunicorn(tmp_path: Path, python: Path) -> None:
    """Both ways to start it, and a configuration that imports its names."""
    (tmp_path / "served.py").write_text(
        "import gunicorn.app.base, tricorn.app.base\n"
        "assert gunicorn.app.base.Application is tricorn.app.base.Application\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [environ['SERVER_SOFTWARE'].encode()]\n"
    )
    (tmp_path / "gunicorn.conf.py").write_text("from gunicorn import util\nworkers = 2\n")
    by_name = (str(python.parent / "gunicorn"),)
    for command in (by_name, (str(python), "-m", "gunicorn"), (str(python), "-m", "gunicorn.app.wsgiapp")):
        with Server("served", command=command, cwd=tmp_path, workers=2) as server:
            with server.client() as client:
                assert client.get("/").body.startswith(b"tricorn/")
            assert server.terminate() == 0
