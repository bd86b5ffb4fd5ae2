"""What the server tells its service manager (`sd_notify(3)`), heard on a socket of our own."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import Server
from harness.waiting import DEADLINE_S, DeadlineError
from server.upgrade import upgrade, wait_gone

Serve = Callable[..., Server]


class Manager:
    """The service manager's end of `NOTIFY_SOCKET`: every message, in order."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.messages: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)

    def hear(self, name: str, value: str | None = None) -> dict[str, str]:
        """Wait for a message with this variable; those before it are only kept."""
        end = time.monotonic() + DEADLINE_S
        while select.select([self._socket], [], [], max(0.0, end - time.monotonic()))[0]:
            text = self._socket.recv(4096).decode()
            message = dict(line.split("=", 1) for line in text.splitlines())
            self.messages.append(message)
            if name in message and value in (None, message[name]):
                return message
        raise DeadlineError(f"no {name}={value or '...'} in {self.messages}")

    def has_heard(self, name: str) -> bool:
        return any(name in message for message in self.messages)

    def forget(self) -> None:
        """Drop every message that was sent so far."""
        while select.select([self._socket], [], [], 0)[0]:
            self._socket.recv(4096)
        self.messages.clear()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = (
        str(tmp_path / "notify") if request.param == "path" else f"@tricorn-{os.getpid()}-{id(tmp_path)}"
    )
    found = Manager(address)
    yield found
    found.close()


APP = """
import os, time
while not os.path.exists('go'):
    time.sleep(0.01)
from hello import app
"""


def slow_app(folder: Path) -> Path:
    """An application that loads once a file named `go` is there."""
    (folder / "slow.py").write_text(APP)
    (folder / "hello.py").write_text((Path(__file__).parent.parent / "apps/hello.py").read_text())
    return folder


def test_life(serve: Serve, manager: Manager, tmp_path: Path) -> None:
    """READY comes when the workers serve, not before; RELOADING with its time, and READY when the new ones
    serve; STOPPING.
    """
    server = serve(
        "-w", "2", "slow:app", ready=None, cwd=slow_app(tmp_path), env={"NOTIFY_SOCKET": manager.address}
    )
    server.stderr.wait_for("Booting worker", count=2)
    (tmp_path / "go").touch()
    assert manager.hear("READY") == {"READY": "1", "STATUS": "Serving"}
    assert "Start complete" in server.stderr.text() or server.stderr.wait_for("Start complete")
    assert len(manager.messages) == 1
    (tmp_path / "go").unlink()
    before_usec = time.monotonic_ns() // 1000 - 2000
    server.signal(signal.SIGHUP)
    reloading = manager.hear("RELOADING", "1")
    assert before_usec <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    server.stderr.wait_for("Booting worker", count=3)
    (tmp_path / "go").touch()
    manager.hear("READY")
    server.stderr.wait_for("Reload complete")
    server.signal(signal.SIGTERM)
    assert manager.hear("STOPPING")["STOPPING"] == "1"
    assert server.wait_exit() == 0


@pytest.mark.parametrize("manager", ["path"], indirect=True)
@pytest.mark.parametrize("broken", ["conf.py", "slow.py"])
def test_reload_that_fails_is_over(serve: Serve, manager: Manager, tmp_path: Path, broken: str) -> None:
    """The manager waits for READY after RELOADING; the old workers serve on, so it gets it."""
    (tmp_path / "conf.py").write_text("workers = 1\n")
    (tmp_path / "go").touch()
    env = {"NOTIFY_SOCKET": manager.address}
    server = serve("-c", "conf.py", "slow:app", cwd=slow_app(tmp_path), env=env)
    manager.hear("READY")
    (tmp_path / broken).write_text("raise RuntimeError('no')")
    server.signal(signal.SIGHUP)
    manager.hear("RELOADING")
    manager.hear("READY", "1")
    with server.client() as client:
        assert client.get("/").status == 200


@pytest.mark.gunicorn_fails("no WATCHDOG=... in .*READY", case="path")
@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_watchdog(serve: Serve, manager: Manager) -> None:
    """More often than asked for; nothing if the watchdog is another process's."""
    server = serve("hello:app", env={"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "3000000"})
    for _ in range(2):
        assert manager.hear("WATCHDOG") == {"WATCHDOG": "1"}
    server.terminate()
    manager.forget()
    env = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "1", "WATCHDOG_PID": str(os.getpid())}
    other = serve("hello:app", env=env)
    other.terminate()
    manager.hear("STOPPING")
    assert not manager.has_heard("WATCHDOG")


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_upgrade(serve: Serve, manager: Manager) -> None:
    """The service goes on in another main process: the old one says so instead of STOPPING, which would end
    the unit, and the new one feeds the watchdog.
    """
    server = serve("hello:app", env={"NOTIFY_SOCKET": manager.address})
    manager.hear("READY")
    new = upgrade(server)
    manager.hear("READY")
    assert not manager.has_heard("MAINPID"), "the upgrade may still be taken back"
    assert server.terminate() == 0
    assert manager.hear("MAINPID")["MAINPID"] == str(new)
    assert manager.hear("READY", "1")["MAINPID"] == str(new)
    assert not manager.has_heard("STOPPING")
    os.kill(new, signal.SIGTERM)
    manager.hear("STOPPING")
    wait_gone(new)


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_watchdog_of_a_new_master(serve: Serve, manager: Manager) -> None:
    """`WATCHDOG_PID` names the old master; the new one feeds the watchdog all the same."""
    prefix = ("sh", "-c", 'WATCHDOG_PID=$$ exec "$0" "$@"')
    env = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "1000000"}
    server = serve("hello:app", env=env, prefix=prefix)
    manager.hear("WATCHDOG")
    new = upgrade(server)
    assert server.terminate() == 0
    server.stderr.wait_for("Master has been promoted")
    manager.hear("READY", "1")
    manager.forget()
    for _ in range(3):
        manager.hear("WATCHDOG")
    os.kill(new, signal.SIGTERM)
    wait_gone(new)


def test_missing_manager(serve: Serve, tmp_path: Path) -> None:
    server = serve("hello:app", env={"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "1"})
    with server.client() as client:
        assert client.get("/").status == 200
    assert server.terminate() == 0
