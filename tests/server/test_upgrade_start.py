"""What a new master (USR2) is given by the old one, and how its start may fail without harm."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Client, Server, wait_until
from harness.processes import children, is_alive, open_files
from harness.server import APPS
from server.test_sockets import ACTIVATE
from server.upgrade import upgrade, wait_gone

Serve = Callable[..., Server]


def _state(pid: int) -> str:
    """The one letter of proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def seen_by(server: Server, master: int) -> dict[str, Any]:
    """What a worker of the new master says about itself. The kernel prefers the oldest worker that waits, so
    the old master's are stopped meanwhile.
    """
    old = [pid for pid in children(server.pid) if pid != master] if is_alive(server.pid) else []
    for pid in old:
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda pid=pid: _state(pid) == "T", f"process {pid} stopped")
    try:
        with server.client() as client:
            seen: dict[str, Any] = client.get("/").json()
    finally:
        for pid in old:
            os.kill(pid, signal.SIGCONT)
    assert seen["ppid"] == master
    return seen


def test_environment_directory_and_command_line(serve: Serve, tmp_path: Path) -> None:
    """As the first one was started: not what `raw_env`, `chdir` or the application have made of them."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "changes.py").write_text(
        "import os\nfrom world import app\nos.environ['LATER'] = '1'\n"
    )
    (tmp_path / "conf.py").write_text(
        "import os, sys\nsys.stderr.write(f'start in {os.environ.get(\"START\")} {sys.orig_argv}\\n')\n"
    )
    options = ("-c", "conf.py", "--chdir", "inner", "--pythonpath", str(APPS), "-e", "RAW=1")
    env = {"START": "here", "GUNICORN_CMD_ARGS": "--name shop"}
    server = serve(*options, "--preload", "changes:app", cwd=tmp_path, env=env)
    new = upgrade(server)
    lines = [line for line in server.stderr.text().splitlines() if line.startswith("start in here")]
    assert len(lines) == 2
    assert lines[0] == lines[1]
    seen = seen_by(server, new)
    assert seen["cwd"] == str(tmp_path / "inner")
    assert seen["environ"]["RAW"] == seen["environ"]["LATER"] == "1"
    assert "GUNICORN_FD" not in seen["environ"]
    assert seen["environ"]["GUNICORN_PID"] == str(server.pid), "as in Gunicorn, until the promotion"
    assert server.terminate() == 0
    server.stderr.wait_for("Master has been promoted")
    [worker] = children(new)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: children(new) not in ([], [worker]), "a worker after the promotion")
    assert "GUNICORN_PID" not in seen_by(server, new)["environ"]


def test_python_m(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -X utf8 -m tricorn` is started anew as that."""
    prefix = (sys.executable, "-X", "utf8", "-m", "tricorn")
    monkeypatch.setattr("harness.server.server_command", lambda: list(prefix))
    config = tmp_path / "conf.py"
    config.write_text("import sys\nsys.stderr.write(f'start as {sys.orig_argv[1:6]}\\n')\n")
    server = serve("-c", str(config), "hello:app")
    upgrade(server)
    command = [line for line in server.stderr.text().splitlines() if line.startswith("start as")]
    assert command == ["start as ['-X', 'utf8', '-m', 'tricorn', '-b']"] * 2


HOOKED = """
import json, os, sys
leaked = os.open(os.devnull, os.O_RDONLY)
os.set_inheritable(leaked, True)
def pre_exec(server):
    seen = dict(pid=os.getpid(), ppid=os.getppid(), server=server.pid, reexec=server.reexec_pid,
                ctx=sorted(map(str, server.START_CTX)), cwd=server.START_CTX['cwd'])
    sys.stderr.write('pre_exec ' + json.dumps(seen) + '\\n')
def post_fork(server, worker):
    seen = [server.master_pid, server.reexec_pid, server.master_name, server.proc_name]
    sys.stderr.write('post_fork ' + json.dumps(seen) + '\\n')
"""


def said(server: Server, what: str, count: int = 1) -> Any:
    return json.loads(server.stderr.wait_for(rf"^{what} (.*)$", count=count).group(1))


def test_hooks(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "hooks.py"
    config.write_text(HOOKED)
    server = serve("-c", str(config), "--name", "shop", "hello:app")
    new = upgrade(server)
    assert said(server, "pre_exec") == {
        "pid": new,
        "ppid": server.pid,
        "server": server.pid,
        "reexec": 0,
        "ctx": ["0", "args", "cwd"],
        "cwd": str(APPS),
    }
    assert said(server, "post_fork") == [0, 0, "Master", "shop"]
    assert said(server, "post_fork", 2) == [server.pid, 0, "Master.2", "shop.2"]


def inherited(pid: int) -> set[str]:
    """What the process has open."""
    return set(open_files(pid).values())


def test_descriptors(serve: Serve, tmp_path: Path) -> None:
    """The new master has the listeners and the streams, and no connection, log or file of the old one; not
    even what the configuration leaves open to every program.
    """
    config = tmp_path / "hooks.py"
    config.write_text(HOOKED)
    server = serve("-c", str(config), "--log-file", str(tmp_path / "log"), "hello:app", ready=None)
    wait_until(lambda: "Start complete" in _text(tmp_path / "log"), "the start")
    with server.client() as client:
        client.get("/")
        server.signal(signal.SIGUSR2)
        wait_until(lambda: _text(tmp_path / "log").count("Start complete") == 2, "the new start")
        [new] = set(children(server.pid)) - {int(pid) for pid in _workers(server.pid)}
        old_sockets = {name for name in inherited(server.pid) if name.startswith("socket:")}
        shared = inherited(server.pid) & inherited(new)
        assert {name for name in shared if name.startswith("socket:")} <= old_sockets
        listeners = {name for name in shared if name.startswith("socket:")}
        assert len(listeners) == 1
        pipes = {name for name in shared if name.startswith("pipe:")}
        assert pipes == {open_files(new)[fd] for fd in (1, 2)}
        leaked = [name for name in open_files(new).values() if name == os.devnull]
        assert len(leaked) == 2, "standard input, and the one its own configuration opens"


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _workers(pid: int) -> list[int]:
    from harness.processes import has_thread

    return [child for child in children(pid) if has_thread(child, "tricorn-monitor")]


BROKEN = {
    "syntax": ("app.py", "def app(:", "exit code 3"),
    "import": ("app.py", "import no_such_module", "exit code 3"),
    "missing": ("app.py", "other = 1", "exit code 4"),
    "crash": ("app.py", "import os; os._exit(9)", None),
    "config": ("conf.py", "raise RuntimeError('no')", "exit code 1"),
    "setting": ("conf.py", "workers = 'many'", "exit code 1"),
    "hook": ("conf.py", "def when_ready(server): raise RuntimeError('no')", "exit code 1"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_bad_deployment(serve: Serve, tmp_path: Path, kind: str) -> None:
    """The new master does not come to serve; the old one does not notice, and the next upgrade works."""
    name, source, ending = BROKEN[kind]
    good = {"app.py": (APPS / "hello.py").read_text(), "conf.py": "workers = 1\n"}
    for file, text in good.items():
        (tmp_path / file).write_text(text)
    pidfile = tmp_path / "pid"
    server = serve("-c", "conf.py", "--pid", str(pidfile), "app:app", cwd=tmp_path)
    workers = server.workers()
    (tmp_path / name).write_text(source)
    server.signal(signal.SIGUSR2)
    if ending is None:
        # It tries for ever, as at any start; the operator takes it back.
        new = int(server.stderr.wait_for(r"Starting a new master with pid: (\d+)").group(1))
        server.stderr.wait_for("exited with code 9")
        os.kill(new, signal.SIGTERM)
        server.stderr.wait_for(rf"The new master \(pid:{new}\) has ended")
    else:
        server.stderr.wait_for(rf"The new master \(pid:\d+\) has ended \({ending}\); this one goes on")
    assert server.workers() == workers
    assert pidfile.read_text() == f"{server.pid}\n"
    assert not Path(f"{pidfile}.2").exists()
    with server.client() as client:
        assert client.get("/").status == 200
    (tmp_path / name).write_text(good[name])
    upgrade(server)


CANNOT = {
    "raises": ("raise RuntimeError('not now')", "RuntimeError: not now"),
    "exits": ("raise SystemExit(7)", "SystemExit: 7"),
    "no program": ("server.START_CTX[0] = '/no/such/python'", "No such file or directory"),
    "no directory": ("server.START_CTX['cwd'] = '/no/such/folder'", "No such file or directory"),
    "no recipe": ("del server.START_CTX['args']", "KeyError: 'args'"),
    "too long": ("server.START_CTX['args'].append('x' * 4_000_000)", "Argument list too long"),
}


@pytest.mark.parametrize("kind", CANNOT)
def test_start_that_cannot_be(serve: Serve, tmp_path: Path, kind: str) -> None:
    """Between fork and exec: nothing of the old server is touched."""
    body, reason = CANNOT[kind]
    config = tmp_path / "hooks.py"
    config.write_text(f"def pre_exec(server):\n    {body}\n")
    path, pidfile = tmp_path / "socket", tmp_path / "pid"
    server = serve("-c", str(config), "--pid", str(pidfile), "hello:app", bind=f"unix:{path}")
    workers = server.workers()
    for _ in range(2):
        mark = server.stderr.mark()
        server.signal(signal.SIGUSR2)
        server.stderr.wait_for(
            r"The new master \(pid:\d+\) could not be started; this one goes on", since=mark
        )
        server.stderr.wait_for(reason, since=mark)
    assert server.workers() == workers
    assert path.exists()
    assert pidfile.read_text() == f"{server.pid}\n"
    with server.client() as client:
        assert client.get("/").status == 200


def test_deleted_directory(serve: Serve, tmp_path: Path) -> None:
    """The release that was started is gone: the old one goes on."""
    release = tmp_path / "release"
    release.mkdir()
    (release / "app.py").write_text((APPS / "hello.py").read_text())
    server = serve("app:app", cwd=release)
    (release / "app.py").unlink()
    for entry in release.rglob("*"):
        if entry.is_file():
            entry.unlink()
    for entry in sorted(release.rglob("*"), reverse=True):
        entry.rmdir()
    release.rmdir()
    server.signal(signal.SIGUSR2)
    server.stderr.wait_for(r"The new master .* this one goes on")
    with server.client() as client:
        assert client.get("/").status == 200


def test_link_to_the_release(serve: Serve, tmp_path: Path) -> None:
    """`current` is a link: the new master is started where it points now."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text(
            f"def app(environ, start_response):\n    start_response('200 OK', [('Content-Length', '3')])\n"
            f"    return [b'{name}']\n"
        )
    current = tmp_path / "current"
    current.symlink_to("one")
    server = serve("app:app", cwd=current, env={"PWD": str(current)})
    current.unlink()
    current.symlink_to("two")
    upgrade(server)
    assert server.terminate() == 0
    server.stderr.wait_for("Master has been promoted")
    with server.client() as client:
        assert client.get("/").body == b"two"


def test_socket_activation(serve: Serve, tmp_path: Path) -> None:
    """Two upgrades of a server that systemd activated: its sockets keep their numbers, whatever the masters
    had there, and their paths stay.
    """
    path = tmp_path / "socket"
    with socket.create_server(("127.0.0.1", 0)) as one, socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        fds = (one.fileno(), other.fileno())
        prefix = (*ACTIVATE, ",".join(map(str, fds)))
        server = serve("world:app", prefix=prefix, pass_fds=fds)
        server.stderr.wait_for("Start complete")
        address = one.getsockname()
        master = server.pid
        for _ in range(2):
            new = upgrade(server, master)
            for number in (3, 4):
                assert os.readlink(f"/proc/{new}/fd/{number}").startswith("socket:")
            mark = server.stderr.mark()
            os.kill(master, signal.SIGTERM)
            server.stderr.wait_for(rf"\[{new}\] \[INFO\] Master has been promoted", since=mark)
            wait_gone(master)
            for where in (address, str(path)):
                with Client(where) as client:
                    seen = client.get("/").json()
                    assert seen["ppid"] == new
                    assert not [name for name in seen["environ"] if name.startswith("LISTEN_")]
            master = new
        os.kill(master, signal.SIGTERM)
        wait_gone(master)
        assert path.exists()


def test_inherited_descriptor(serve: Serve, tmp_path: Path) -> None:
    """`fd://N`: handed on, and its path is nobody's to remove."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        fd = listener.fileno()
        server = serve("-b", f"fd://{fd}", "hello:app", bind=None, pass_fds=(fd,))
        new = upgrade(server)
        assert server.terminate() == 0
        server.stderr.wait_for("Master has been promoted")
        mark = server.stderr.mark()
        os.kill(new, signal.SIGHUP)
        server.stderr.wait_for("Reload complete", since=mark)
        with Client(str(path)) as client:
            assert client.get("/").status == 200
        os.kill(new, signal.SIGTERM)
        wait_gone(new)
        assert path.exists()


def test_stray_variables(serve: Serve) -> None:
    """A server that an application of a new master starts has `GUNICORN_PID` in its environment, and is
    none.
    """
    server = serve("world:app", env={"GUNICORN_PID": str(os.getpid())})
    with server.client() as client:
        assert client.get("/").status == 200
    mark = server.stderr.mark()
    upgrade(server)
    assert "Parent exists" not in server.stderr.text(mark)


@pytest.mark.parametrize("fds", ["nonsense", "900", "-1", "0"])
def test_bad_list_of_descriptors(serve: Serve, fds: str) -> None:
    env = {"GUNICORN_PID": str(os.getpid()), "GUNICORN_FD": fds}
    server = serve("hello:app", env=env, ready=None)
    assert server.wait_exit() == 1
    assert "Traceback" not in server.stderr.text()
    assert "descriptor" in server.stderr.text()
