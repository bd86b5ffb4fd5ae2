"""`Arbiter`: run by hand, subclassed, asked for things while it serves."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from embedding.program import ended, started
from harness import wait_until


def test_run_by_hand(tmp_path: Path) -> None:
    """With the attributes that programs read before and while it runs."""
    lines = """
def when_ready(server):
    print(server is arbiter, server.pid == os.getpid(), server.num_workers, server.worker_class, flush=True)
Plain.options = {"workers": 2, "when_ready": when_ready}
arbiter = Arbiter(Plain())
print(arbiter.num_workers, arbiter.timeout, arbiter.pid, arbiter.address, arbiter.START_CTX["args"][1])
arbiter.log.info("not yet serving")
arbiter.run()
"""
    with started(tmp_path, lines, bind=f"unix:{tmp_path}/sock", workers=2) as server:
        program = str(tmp_path / "program.py")
        server.stdout.catch_up()
        assert server.stdout.text() == f"2 30 0 ['{tmp_path}/sock'] {program}\nTrue True 2 sync\n"
        assert server.stderr.text().splitlines()[0].endswith("not yet serving")
        assert server.stderr.text().count("not yet serving") == 1
        assert server.terminate() == 0


HEARD = """
class Own(Arbiter):
    def handle_hup(self):
        self.log.info("hup heard by %s", os.getpid())
        {hup}
    def handle_ttin(self):
        if self.num_workers < 2:
            super().handle_ttin()
    def handle_usr1(self):
        raise RuntimeError("usr1 failed")
Own(Plain()).run()
"""


def test_a_subclass_decides_about_signals(tmp_path: Path) -> None:
    with started(tmp_path, HEARD.format(hup="pass")) as server:
        worker = server.workers()
        server.signal(signal.SIGHUP)
        server.stderr.wait_for(f"hup heard by {server.pid}")
        server.signal(signal.SIGTTIN)
        server.wait_workers(2)
        server.signal(signal.SIGTTIN)
        server.stderr.wait_for("Handling signal: ttin", count=2)
        server.signal(signal.SIGUSR1)
        server.stderr.wait_for("Exception in handle_usr1\\nTraceback(.|\\n)*RuntimeError: usr1 failed")
        assert server.workers()[:1] == worker, "no reload"
        assert len(server.workers()) == 2
        assert server.terminate() == 0


@pytest.mark.parametrize("hup", ["super().handle_hup()", "self.reload()", "Arbiter.reload(self)"])
def test_a_subclass_passes_a_signal_on(tmp_path: Path, hup: str) -> None:
    with started(tmp_path, HEARD.format(hup=hup)) as server:
        server.signal(signal.SIGHUP)
        server.stderr.wait_for("hup heard")
        server.stderr.wait_for("Reload complete")
        assert server.terminate() == 0


def test_a_subclass_that_overrides_what_a_handler_calls(tmp_path: Path) -> None:
    lines = """
class Own(Arbiter):
    def reload(self):
        self.log.info("before")
        super().reload()
    def stop(self, graceful=True):
        self.log.info("stopping, graceful: %s", graceful)
        super().stop(graceful)
    def manage_workers(self):
        raise AssertionError("never called")
Own(Plain()).run()
"""
    with started(tmp_path, lines) as server:
        assert "Own.manage_workers is not called" in server.stderr.text()
        server.signal(signal.SIGHUP)
        server.stderr.wait_for("before")
        server.stderr.wait_for("Reload complete")
        server.signal(signal.SIGINT)
        server.stderr.wait_for("stopping, graceful: False")
        assert server.wait_exit() == 0


def test_halt_with_an_exit_code(tmp_path: Path) -> None:
    lines = """
from tricorn.errors import HaltServer
class Own(Arbiter):
    def handle_hup(self):
        raise HaltServer("out of luck", 23)
Own(Plain()).run()
"""
    with started(tmp_path, lines) as server:
        server.signal(signal.SIGHUP)
        assert server.wait_exit() == 23
        assert "out of luck" in server.stderr.text()
        assert server.left_over() == []


def test_a_signal_that_is_left_alone(tmp_path: Path) -> None:
    """Removed from SIGNALS: it keeps the handler that the program has given it, and the handler runs."""
    lines = """
signal.signal(signal.SIGHUP, lambda number, frame: print("mine", number, flush=True))
Arbiter.SIGNALS.remove(signal.SIGHUP)
Plain().run()
"""
    with started(tmp_path, lines) as server:
        server.signal(signal.SIGHUP)
        server.stdout.wait_for("^mine 1$")
        assert "Handling signal: hup" not in server.stderr.text()
        assert server.terminate() == 0


def test_other_signals_are_the_programs(tmp_path: Path) -> None:
    lines = """
def on_alarm(number, frame):
    raise RuntimeError("alarm")
signal.signal(signal.SIGALRM, on_alarm)
Plain().run()
"""
    with started(tmp_path, lines) as server:
        server.signal(signal.SIGALRM)
        server.stderr.wait_for("Exception in a signal handler\\nTraceback(.|\\n)*RuntimeError: alarm")
        with server.client() as client:
            assert client.get("/").status == 200
        assert server.terminate() == 0


def test_what_hooks_ask_of_the_master(tmp_path: Path) -> None:
    lines = """
def when_ready(server):
    server.num_workers = 3
def nworkers_changed(server, new, old):
    server.log.info("from %s to %s", old, new)
Plain.options = {"when_ready": when_ready, "nworkers_changed": nworkers_changed}
Plain().run()
"""
    with started(tmp_path, lines) as server:
        server.stderr.wait_for("from 1 to 3")
        server.wait_workers(3)
        assert server.terminate() == 0


def test_num_workers_before_the_start(tmp_path: Path) -> None:
    lines = "arbiter = Arbiter(Plain())\narbiter.num_workers = 2\narbiter.run()\n"
    with started(tmp_path, lines, workers=2) as server:
        assert len(server.wait_workers(2)) == 2


def test_upgrade(tmp_path: Path) -> None:
    """USR2 starts the program anew, where and as it was started, with what a hook has made of the recipe."""
    (tmp_path / "elsewhere").mkdir()
    lines = """
def on_reload(server):
    server.START_CTX["args"].append("marked")
print(sys.argv[3:], os.path.basename(os.getcwd()) == "elsewhere", flush=True)
Full.options = {"chdir": "elsewhere", "on_reload": on_reload}
Full().run()
"""
    with started(tmp_path, lines) as server:
        for _ in range(2):  # the second reload finds what the first one has left
            mark = server.stderr.mark()
            server.signal(signal.SIGHUP)
            server.stderr.wait_for("Reload complete", since=mark)
        server.signal(signal.SIGUSR2)
        new = int(server.stderr.wait_for(r"Starting a new master with pid: (\d+)")[1])
        server.stdout.wait_for(r"^\['marked', 'marked'\] False$")
        server.stderr.wait_for("Start complete", count=2)
        assert server.terminate() == 0
        with server.client() as client:
            assert client.get("/").body == f"hello {new}".encode()
        os.kill(new, signal.SIGTERM)
        wait_until(lambda: not server.left_over(), "the new master's end")


def test_settings_are_final_while_it_serves(tmp_path: Path) -> None:
    lines = """
def on_starting(server):
    server.cfg.set("workers", 2)
Plain.options = {"on_starting": on_starting}
Plain().run()
"""
    finished = ended(tmp_path, lines)
    assert "AttributeError: Invalid access!" in finished.stderr
    assert finished.code == 1


def test_signal_sends_itself(tmp_path: Path) -> None:
    """`arbiter.signal(SIGTERM, None)`, as programs call it from a thread."""
    lines = """
import threading
def when_ready(server):
    print("ready", flush=True)
    threading.Timer(0.2, server.signal, (signal.SIGTERM, None)).start()
Plain.options = {"when_ready": when_ready}
Plain().run()
"""
    with started(tmp_path, lines, ready=None) as server:
        assert server.wait_exit() == 0
        wait_until(lambda: "Handling signal: term" in server.stderr.text(), "the signal in the log")
