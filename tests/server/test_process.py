"""What the processes look like: pid file, daemon, user, directory, path, environment, preload, PID 1."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import Server, run_to_end, wait_until
from harness.processes import children, is_alive
from harness.server import APPS

Serve = Callable[..., Server]


def world(server: Server) -> dict[str, Any]:
    with server.client() as client:
        return client.get("/").json()  # type: ignore[no-any-return]


def test_pidfile(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    server = serve("--pid", str(path), "hello:app")
    assert path.read_text() == f"{server.pid}\n"
    assert path.stat().st_mode & 0o777 == 0o644
    second = run_to_end("--pid", str(path), "hello:app", bind="tcp")
    assert second.code == 1
    assert f"Already running on PID {server.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert path.read_text() == f"{server.pid}\n"
    server.signal(signal.SIGHUP)
    server.stderr.wait_for("Hang up: Master|Handling signal: hup")
    wait_until(lambda: path.exists() and path.read_text() == f"{server.pid}\n", "the pid file after a reload")
    assert server.terminate() == 0
    assert not path.exists()


def test_pidfile_that_is_no_file(tmp_path: Path) -> None:
    """Gunicorn replaces a device, and removes it when it stops."""
    path = tmp_path / "pid"
    os.mkfifo(path)
    ended = run_to_end("--pid", str(path), "hello:app", bind="tcp")
    assert ended.code == 1
    assert f"'{path}' (setting pidfile): it is there, and is no regular file" in ended.stderr
    assert path.is_fifo()


@pytest.mark.parametrize("content", ["999999999\n", "", "nonsense\n"])
def test_stale_pidfile(serve: Serve, tmp_path: Path, content: str) -> None:
    path = tmp_path / "pid"
    path.write_text(content)
    server = serve("--pid", str(path), "hello:app")
    assert path.read_text() == f"{server.pid}\n"


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", "2>&-", ">&- 2>&-"])
def test_closed_standard_streams(serve: Serve, tmp_path: Path, closed: str) -> None:
    """The next descriptor that was opened was stderr for everybody: a pipe of the master's own, for one,
    whose bytes are signals.
    """
    log = tmp_path / "log"
    shell = ("bash", "-c", f'exec "$@" {closed}', "bash")
    server = serve("--log-file", str(log), "-w", "2", "world:app", ready=None, prefix=shell)
    wait_until(lambda: log.exists() and "Start complete" in log.read_text(), "the start")
    assert world(server)["pid"] in server.workers()
    for pid in (server.pid, *server.workers()):
        for number in (1, 2) if ">&- 2" in closed else (2,):
            assert os.readlink(f"/proc/{pid}/fd/{number}") == "/dev/null"
    assert server.terminate() == 0


def test_no_workers(serve: Serve) -> None:
    server = serve("-w", "0", "world:app")
    assert server.workers() == [world(server)["pid"]]


def test_daemon(serve: Serve, tmp_path: Path) -> None:
    path, log = tmp_path / "pid", tmp_path / "log"
    server = serve("--daemon", "--pid", str(path), "--log-file", str(log), "world:app", ready=None)
    assert server.wait_exit() == 0
    pid = int(wait_until(lambda: path.exists() and path.read_text().strip(), "the pid file"))
    try:
        check_daemon(server, pid, path, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def check_daemon(server: Server, pid: int, path: Path, log: Path) -> None:
    assert pid != server.pid
    wait_until(lambda: log.exists() and "Booting worker" in log.read_text(), "the log")
    seen = world(server)
    assert seen["ppid"] == pid
    assert os.getsid(pid) != os.getsid(0)
    os.kill(pid, signal.SIGWINCH)
    wait_until(lambda: children(pid) == [], "WINCH stopping the workers of a daemon")
    os.kill(pid, signal.SIGTTIN)
    wait_until(lambda: len(children(pid)) == 1, "a worker after TTIN")
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not is_alive(pid), "the daemon's end")
    assert not path.exists()


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user may read."""
    folder = Path(tempfile.mkdtemp(prefix="tricorn-"))
    folder.chmod(0o755)
    shutil.copy(APPS / "world.py", folder)
    (folder / "world.py").chmod(0o644)
    yield folder
    shutil.rmtree(folder)


def _nobody_can_run_python() -> bool:
    if os.geteuid() != 0:
        return False
    command = [sys.executable, "-c", "import json, wsgiref.validate"]
    try:
        ended = subprocess.run(command, user="nobody", group="nogroup", capture_output=True, cwd="/")
    except PermissionError:
        return False
    return ended.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user")
def test_user_and_group(serve: Serve, public_folder: Path) -> None:
    if not _nobody_can_run_python():
        pytest.skip("the interpreter is not readable for the user nobody")
    nobody = pwd.getpwnam("nobody")
    server = serve("--user", "nobody", "--group", "nogroup", "world:app", cwd=public_folder)
    seen = world(server)
    assert (seen["uid"], seen["gid"]) == (nobody.pw_uid, nobody.pw_gid)
    assert 0 not in seen["groups"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the group")
def test_group_alone(serve: Serve, public_folder: Path) -> None:
    seen = world(serve("--group", "nogroup", "world:app", cwd=public_folder))
    assert (seen["uid"], seen["gid"]) == (0, grp.getgrnam("nogroup").gr_gid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user")
def test_user_by_number_with_initgroups(serve: Serve, public_folder: Path) -> None:
    if not _nobody_can_run_python():
        pytest.skip("the interpreter is not readable for the user nobody")
    nobody = pwd.getpwnam("nobody")
    numbers = ("--user", str(nobody.pw_uid), "--group", str(nobody.pw_gid), "--initgroups")
    assert world(serve(*numbers, "world:app", cwd=public_folder))["uid"] == nobody.pw_uid


def test_environment(serve: Serve) -> None:
    seen = world(serve("-e", "ONE=1", "--env", "TWO=a=b", "-e", "EMPTY=", "world:app"))
    assert {name: seen["environ"].get(name) for name in ("ONE", "TWO", "EMPTY")} == {
        "ONE": "1",
        "TWO": "a=b",
        "EMPTY": "",
    }
    assert seen["environ"]["SERVER_SOFTWARE"]


def test_chdir(serve: Serve, tmp_path: Path) -> None:
    shutil.copy(APPS / "world.py", tmp_path / "elsewhere.py")
    seen = world(serve("--chdir", str(tmp_path), "elsewhere:app"))
    assert seen["cwd"] == str(tmp_path)
    assert str(tmp_path) in seen["path"]


def test_pythonpath(serve: Serve, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    shutil.copy(APPS / "world.py", second / "elsewhere.py")
    seen = world(serve("--pythonpath", f"{first},{second}", "elsewhere:app", cwd=tmp_path))
    assert {str(first), str(second)} <= set(seen["path"])


@pytest.mark.parametrize("options, is_preloaded", [((), False), (("--preload",), True)])
def test_preload(serve: Serve, options: tuple[str, ...], is_preloaded: bool) -> None:
    server = serve("-w", "2", *options, "world:app", workers=2)
    seen = world(server)
    assert seen["imported_by"] == (server.pid if is_preloaded else seen["pid"])


def test_workers_from_the_environment(serve: Serve) -> None:
    serve("hello:app", env={"WEB_CONCURRENCY": "3"}, workers=3).wait_workers(3)


def test_command_line_from_the_environment(serve: Serve) -> None:
    server = serve("hello:app", env={"GUNICORN_CMD_ARGS": "-w 3 --threads=2"}, workers=3)
    server.wait_workers(3)
    server.stderr.wait_for("Using worker: gthread")


def test_process_titles(serve: Serve) -> None:
    pytest.importorskip("setproctitle")
    server = serve("--name", "shop", "world:app")
    assert "worker [shop]" in world(server)["title"]
    assert b"master [shop]" in Path(f"/proc/{server.pid}/cmdline").read_bytes()


PID_1 = ("unshare", "-pf", "--mount-proc")


@pytest.fixture(scope="module")
def _pid_namespace() -> None:
    try:
        worked = subprocess.run([*PID_1, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        worked = False
    if not worked:
        pytest.skip("a pid namespace needs unshare and the right to use it")


@pytest.mark.usefixtures("_pid_namespace")
def test_pid_1_reaps_strangers(serve: Serve) -> None:
    """In a container the master is PID 1: orphans of the application become its children, and must not pile
    up.
    """
    server = serve("--threads", "2", "orphans:app", prefix=PID_1)
    [master] = children(server.pid)
    workers = children(master)
    with server.client() as client:
        for _ in range(20):
            assert client.get("/").body == b"ok"
    wait_until(lambda: _all_children(master) == workers, "no orphan left")
    assert children(master) == workers
    os.kill(master, signal.SIGTERM)
    assert server.wait_exit() == 0
    assert "Traceback" not in server.stderr.text()


def _all_children(pid: int) -> list[int]:
    """Living and dead."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
