"""`BaseApplication`: options in a dict, an application that is an object, hooks that are functions."""

from __future__ import annotations

import signal
from pathlib import Path

from embedding.program import ended, started
from harness import wait_until


def test_objects_survive_the_fork(tmp_path: Path) -> None:
    lines = """
def post_fork(server, worker):
    server.log.info("worker %s of %s", worker.age, type(worker.app).__name__)
Plain.options = {"workers": 2, "threads": 2, "worker_class": "gthread", "post_fork": post_fork}
Plain().run()
"""
    with started(tmp_path, lines, workers=2) as server:
        for age in (1, 2):
            server.stderr.wait_for(f"worker {age} of Plain")
        with server.client() as client:
            response = client.get("/")
        assert response.body == f"hello {server.pid}".encode()
        assert "Using worker: gthread" in server.stderr.text()
        assert server.terminate() == 0
        assert server.left_over() == []


def test_only_the_program_configures_it(tmp_path: Path) -> None:
    """No command line, no config file, no GUNICORN_CMD_ARGS."""
    (tmp_path / "gunicorn.conf.py").write_text("raise RuntimeError('read')\n")
    env = {"GUNICORN_CMD_ARGS": "--workers 9 --nonsense"}
    lines = "Plain.options = {'workers': 1}\nPlain().run()\n"
    with started(tmp_path, lines, "--workers", "7", env=env) as server:
        assert len(server.wait_workers(1)) == 1


def test_environment_variables_are_defaults(tmp_path: Path) -> None:
    lines = "print(Plain().cfg.workers, Plain().cfg.settings['workers'].default)\n"
    assert ended(tmp_path, lines, env={"WEB_CONCURRENCY": "5"}).stdout == "5 1\n"


def test_hup_reads_the_configuration_anew(tmp_path: Path) -> None:
    """The application object and `load()` are those of before; `load_config` is called again."""
    workers = tmp_path / "workers"
    workers.write_text("1")
    lines = f"""
class Reading(Plain):
    def load_config(self):
        super().load_config()
        self.cfg.set("workers", open({str(workers)!r}).read())
def on_reload(server):
    server.log.info("reloaded: %s %s", server.app.cfg.workers, server.mark)
def on_starting(server):
    server.mark = "the same server"
Reading.options = {{"on_reload": on_reload, "on_starting": on_starting}}
Reading().run()
"""
    with started(tmp_path, lines) as server:
        workers.write_text("2")
        server.signal(signal.SIGHUP)
        server.stderr.wait_for("reloaded: 2 the same server")
        server.stderr.wait_for("Reload complete")
        server.wait_workers(2)

        for wrong, line in (
            ("many", "invalid value for workers: 'many'"),
            ("-1", "invalid value for workers"),
        ):
            mark = server.stderr.mark()
            workers.write_text(wrong)
            server.signal(signal.SIGHUP)
            server.stderr.wait_for(line, since=mark)
        workers.unlink()
        mark = server.stderr.mark()
        server.signal(signal.SIGHUP)
        server.stderr.wait_for("No such file or directory", since=mark)
        with server.client() as client:
            assert client.get("/").status == 200
        assert len(server.wait_workers(2)) == 2
        assert server.terminate() == 0


def test_preload(tmp_path: Path) -> None:
    lines = """
class Loud(Plain):
    def load(self):
        print("loaded in", os.getpid(), flush=True)
        return super().load()
Loud.options = {"workers": 2, "preload_app": True}
Loud().run()
"""
    with started(tmp_path, lines, workers=2) as server:
        server.wait_workers(2)
        server.stdout.catch_up()
        assert server.stdout.text() == f"loaded in {server.pid}\n"


def test_daemon_is_for_application_only(tmp_path: Path) -> None:
    """As with Gunicorn: `BaseApplication.run` stays where it is."""
    with started(tmp_path, "Plain.options = {'daemon': True}\nPlain().run()\n") as server:
        assert server.process.poll() is None
        with server.client() as client:
            assert client.get("/").body == f"hello {server.pid}".encode()


def test_what_follows_the_end_of_the_server(tmp_path: Path) -> None:
    """`run` raises SystemExit, as it always did; a program that catches it can serve again."""
    lines = """
import atexit
atexit.register(lambda: print("atexit in", os.getpid(), flush=True))
for attempt in (1, 2):
    try:
        Plain().run()
    except SystemExit as end:
        print("ended with", end.code, flush=True)
"""
    with started(tmp_path, lines) as server:
        server.stderr.wait_for("Start complete")
        server.signal(signal.SIGTERM)
        server.stdout.wait_for("ended with 0")
        server.stderr.wait_for("Booting worker with pid", count=2)
        server.stderr.wait_for("Start complete", count=2)
        with server.client() as client:
            assert client.get("/").status == 200
        assert server.terminate() == 0
        assert server.stdout.wait_end().count("ended with 0\n") == 2
        wait_until(lambda: f"atexit in {server.pid}" in server.stdout.text(), "the program's end")
