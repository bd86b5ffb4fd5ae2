"""USR2: a new master beside the old one, on the same sockets, and the way back.

What a new master inherits, and how its start may fail, is in test_upgrade_start.py.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Client, Server, wait_until
from harness.processes import children
from server.load import Load
from server.upgrade import master_is, upgrade, wait_children, wait_gone

Serve = Callable[..., Server]


@pytest.mark.parametrize("options", [("-k", "sync"), ("--threads", "4")])
def test_under_load_loses_nothing(serve: Serve, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Three upgrades in a row; each new master becomes the old one of the next."""
    pidfile = tmp_path / "pid"
    server = serve(*options, "-w", "2", "--pid", str(pidfile), "hello:app", workers=2)
    master = server.pid
    with Load(server) as load:
        for _ in range(3):
            new = upgrade(server, master)
            assert master_is(pidfile, master), "the old one keeps its file"
            assert master_is(Path(f"{pidfile}.2"), new)
            load.wait_answers(50)
            mark = server.stderr.mark()
            os.kill(master, signal.SIGTERM)
            server.stderr.wait_for(rf"\[{new}\] \[INFO\] Master has been promoted\.", since=mark)
            wait_gone(master)
            wait_until(lambda new=new: master_is(pidfile, new), "the new pid in the pid file")
            assert not Path(f"{pidfile}.2").exists()
            load.wait_answers(50)
            master = new
    assert load.failures == []
    os.kill(master, signal.SIGTERM)
    wait_gone(master)
    assert not pidfile.exists()
    assert server.process.returncode == 0 or server.wait_exit() == 0


def test_new_master_taken_back(serve: Serve, tmp_path: Path) -> None:
    """TERM to the new one: the old one never noticed, and can be upgraded again."""
    pidfile, path = tmp_path / "pid", tmp_path / "socket"
    server = serve("-w", "2", "--pid", str(pidfile), "hello:app", bind=f"unix:{path}", workers=2)
    workers = server.workers()
    with Load(server) as load:
        for _ in range(2):
            new = upgrade(server)
            mark = server.stderr.mark()
            os.kill(new, signal.SIGTERM)
            server.stderr.wait_for(rf"\[{new}\] \[INFO\] Shutting down: Master\.2", since=mark)
            server.stderr.wait_for(rf"The new master \(pid:{new}\) has ended \(exit code 0\)", since=mark)
            assert master_is(pidfile, server.pid)
            assert not Path(f"{pidfile}.2").exists()
            assert path.exists(), "the path is the old master's"
            load.wait_answers(50)
    assert load.failures == []
    assert server.workers() == workers
    assert server.terminate() == 0
    assert not path.exists()


def test_path_of_a_unix_socket_goes_with_the_last_master(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = serve("hello:app", bind=f"unix:{path}")
    new = upgrade(server)
    assert server.terminate() == 0
    server.stderr.wait_for("Master has been promoted")
    with server.client() as client:
        assert client.get("/").status == 200
    os.kill(new, signal.SIGTERM)
    wait_gone(new)
    assert not path.exists()


def test_second_upgrade_while_one_runs(serve: Serve) -> None:
    server = serve("hello:app")
    new = upgrade(server)
    for pid, why in ((server.pid, "Child exists"), (new, "Parent exists")):
        mark = server.stderr.mark()
        os.kill(pid, signal.SIGUSR2)
        server.stderr.wait_for(rf"\[{pid}\] \[WARNING\] USR2 signal ignored\. {why}\.", since=mark)
    assert len(children(new)) == 1
    assert set(server.workers()) > {new}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_new_master_dies(serve: Serve, tmp_path: Path, number: signal.Signals) -> None:
    pidfile = tmp_path / "pid"
    server = serve("--pid", str(pidfile), "hello:app")
    new = upgrade(server)
    workers = children(new)
    os.kill(new, number)
    server.stderr.wait_for(rf"The new master \(pid:{new}\) has ended \({number.name}\); this one goes on")
    for worker in workers:
        wait_gone(worker)
    with server.client() as client:
        assert client.get("/").status == 200
    second = upgrade(server)
    assert master_is(Path(f"{pidfile}.2"), second), "the file of the dead one is stale"


def test_old_master_is_killed(serve: Serve, tmp_path: Path) -> None:
    """Its pid file stays behind and is stale: the new one takes it over."""
    pidfile = tmp_path / "pid"
    server = serve("--pid", str(pidfile), "hello:app")
    new = upgrade(server)
    server.signal(signal.SIGKILL)
    server.wait_exit()
    server.stderr.wait_for("Master has been promoted")
    wait_until(lambda: master_is(pidfile, new), "the new pid in the pid file")
    with server.client() as client:
        assert client.get("/").status == 200
    again = upgrade(server, new)
    assert again != new


def daemon(serve: Serve, tmp_path: Path) -> tuple[Server, int]:
    """A daemon that serves, and the pid of its master."""
    pidfile, log = tmp_path / "pid", tmp_path / "log"
    options = ("--daemon", "-w", "2", "--pid", str(pidfile), "--log-file", str(log))
    server = serve(*options, "hello:app", ready=None)
    assert server.wait_exit() == 0
    return server, int(pidfile.read_text())


def wait_logged(tmp_path: Path, words: str) -> None:
    """Wait until these words are in the daemon's log."""
    wait_until(lambda: words in (tmp_path / "log").read_text(), f"{words!r} in the log")


def test_daemon_without_workers_and_back(serve: Serve, tmp_path: Path) -> None:
    """The cautious upgrade of Gunicorn's manual: USR2, WINCH to the old one, then back by HUP or TTIN."""
    server, old = daemon(serve, tmp_path)
    wait_children(old, 2)
    second = tmp_path / "pid.2"
    with Load(server) as load:
        for back, count in ((signal.SIGHUP, 2), (signal.SIGTTIN, 1)):
            os.kill(old, signal.SIGUSR2)
            wait_until(second.exists, "the second pid file")
            new = int(second.read_text())
            wait_children(new, 2)
            wait_logged(tmp_path, f"[{new}] [INFO] Start complete")
            os.kill(old, signal.SIGWINCH)
            wait_until(lambda new=new: children(old) == [new], "no workers of the old master")
            load.wait_answers(50)
            os.kill(old, back)
            wait_children(old, count + 1)
            os.kill(new, signal.SIGTERM)
            wait_logged(tmp_path, f"The new master (pid:{new}) has ended")
            load.wait_answers(50)
    assert load.failures == []
    os.kill(old, signal.SIGTERM)
    wait_gone(old)


def test_workers_come_back_when_the_new_master_dies(serve: Serve, tmp_path: Path) -> None:
    """WINCH has sent the old workers away; without them nobody would serve."""
    server, old = daemon(serve, tmp_path)
    wait_children(old, 2)
    os.kill(old, signal.SIGUSR2)
    wait_until((tmp_path / "pid.2").exists, "the second pid file")
    new = int((tmp_path / "pid.2").read_text())
    wait_children(new, 2)
    os.kill(old, signal.SIGWINCH)
    wait_until(lambda: children(old) == [new], "no workers of the old master")
    os.kill(new, signal.SIGKILL)
    wait_children(old, 2)
    with server.client() as client:
        assert client.get("/").status == 200
    os.kill(old, signal.SIGTERM)
    wait_gone(old)


def test_reload_of_both_masters(serve: Serve, tmp_path: Path) -> None:
    """Each follows its settings; the new one opens what they say now beside the socket it was given."""
    config = tmp_path / "settings.py"
    server = serve("-c", str(config), "hello:app", bind=None, ready=None, cwd=_with(config, tmp_path))
    server.stderr.wait_for("Start complete")
    first = _address(server, 0)
    new = upgrade(server)
    config.write_text("bind = ['127.0.0.1:0', '127.0.0.1:00']\nworkers = 2\n".replace(":00", f":{_free()}"))
    mark = server.stderr.mark()
    os.kill(new, signal.SIGHUP)
    server.stderr.wait_for(rf"\[{new}\] \[INFO\] Hang up: Master\.2", since=mark)
    server.stderr.wait_for(rf"\[{new}\] \[INFO\] Reload complete", since=mark)
    addresses = _address(server, mark, 2)
    assert first[0] in addresses
    assert server.terminate() == 0
    for address in addresses:
        with Client(address) as client:
            assert client.get("/").status == 200


def _with(config: Path, folder: Path) -> Path:
    config.write_text("bind = '127.0.0.1:0'\n")
    (folder / "hello.py").write_text((Path(__file__).parent.parent / "apps/hello.py").read_text())
    return folder


def _free() -> int:
    from harness.server import free_port

    return free_port()


def _address(server: Server, since: int, count: int = 1) -> list[tuple[str, int]]:
    """The addresses of the last line that says where the server listens."""
    found = server.stderr.wait_for(rf"Listening at: ((?:http://127\.0\.0\.1:\d+,?){{{count}}})", since=since)
    return [("127.0.0.1", int(word.rpartition(":")[2])) for word in found.group(1).split(",")]


def test_a_new_master_that_has_just_ended_stops_no_upgrade(serve: Serve) -> None:
    """The signal for the next upgrade comes before that master is reaped."""
    server = serve("hello:app")
    new = upgrade(server)
    server.signal(signal.SIGSTOP)
    os.kill(new, signal.SIGKILL)
    wait_gone(new)
    mark = server.stderr.mark()
    server.signal(signal.SIGUSR2)
    # It handles all signals that wait before it reaps.
    server.signal(signal.SIGCONT)
    server.stderr.wait_for(r"Starting a new master with pid: \d+", since=mark)
    assert "USR2 signal ignored" not in server.stderr.text(mark)
