"""Where the server listens: TCP, IPv6, unix sockets, inherited descriptors, systemd, several at once."""

from __future__ import annotations

import os
import signal
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Client, Server, run_to_end, wait_until
from harness.processes import open_files
from harness.server import free_port

Serve = Callable[..., Server]
ACTIVATE = (sys.executable, str(Path(__file__).parent / "activate.py"))


@pytest.mark.parametrize("umask, mode", [("0", 0o777), ("0o77", 0o700), ("0o117", 0o660)])
def test_unix_socket_mode(serve: Serve, tmp_path: Path, umask: str, mode: int) -> None:
    path = tmp_path / "socket"
    server = serve("--umask", umask, "hello:app", bind=f"unix:{path}")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    with server.client() as client:
        assert client.get("/").body == b"hello, world"
    server.stderr.wait_for(f"Listening at: unix:{path}")


def test_stale_unix_socket_is_replaced(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with serve("hello:app", bind=f"unix:{path}").client() as client:
        assert client.get("/").status == 200


def test_live_unix_socket_of_another_server_is_not_taken(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    first = serve("hello:app", bind=f"unix:{path}")
    ended = run_to_end("-b", f"unix:{path}", "hello:app")
    assert ended.code == 1
    assert "Traceback" not in ended.stderr
    with first.client() as client:
        assert client.get("/").status == 200


def test_file_that_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("precious")
    ended = run_to_end("-b", f"unix:{path}", "hello:app")
    assert ended.code == 1
    assert path.read_text() == "precious"


def test_ipv6(serve: Serve) -> None:
    server = serve("hello:app", bind="tcp6")
    server.stderr.wait_for(rf"Listening at: http://\[::1\]:{server.port}")
    with server.client() as client:
        assert client.get("/").status == 200


def test_several_at_once(serve: Serve, tmp_path: Path) -> None:
    port = free_port()
    path = tmp_path / "socket"
    server = serve("-b", f"127.0.0.1:{port}", "-b", f"unix:{path}", "hello:app", bind=None)
    for address in (("127.0.0.1", port), str(path)):
        with Client(address) as client:
            assert client.get("/").status == 200
    server.stderr.wait_for(rf"Listening at: http://127.0.0.1:{port},unix:{path} ")


def test_port_of_the_environment(serve: Serve) -> None:
    port = free_port()
    server = serve("hello:app", bind=None, env={"PORT": str(port)})
    server.stderr.wait_for(rf"Listening at: http://0\.0\.0\.0:{port}")


@pytest.fixture
def listening() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    yield listener  # type: ignore[misc]
    listener.close()


def test_inherited_descriptor(serve: Serve, listening: socket.socket) -> None:
    fd = listening.fileno()
    serve("-b", f"fd://{fd}", "hello:app", bind=None, pass_fds=(fd,))
    with Client(listening.getsockname()) as client:
        assert client.get("/").status == 200


def test_socket_activation(serve: Serve, listening: socket.socket, tmp_path: Path) -> None:
    """Two sockets from the service manager, of different families; `bind` is ignored, the variables are
    gone.
    """
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        fds = (listening.fileno(), other.fileno())
        prefix = (*ACTIVATE, ",".join(map(str, fds)))
        server = serve("world:app", bind="tcp", prefix=prefix, pass_fds=fds)
        for address in (listening.getsockname(), str(path)):
            with Client(address) as client:
                environ = client.get("/").json()["environ"]
                assert [name for name in environ if name.startswith("LISTEN_") and "OFFSET" not in name] == []
        with pytest.raises(ConnectionRefusedError):
            server.client()
        assert server.terminate() == 0
        assert path.exists(), "an inherited socket is not ours to remove"


def test_socket_activation_of_another_process(serve: Serve, listening: socket.socket) -> None:
    """LISTEN_PID names somebody else: the descriptors are not ours."""
    fd = listening.fileno()
    server = serve("hello:app", prefix=(*ACTIVATE, str(fd)), pass_fds=(fd,), env={"LISTEN_PID_OFFSET": "1"})
    with server.client() as client:
        assert client.get("/").status == 200


def test_abstract_unix_socket_or_clear_refusal(tmp_path: Path) -> None:
    """A path that cannot be bound is one line and exit 1."""
    ended = run_to_end("-b", f"unix:{tmp_path}/no/such/folder/socket", "hello:app")
    assert ended.code == 1
    assert "Traceback" not in ended.stderr


def test_restart_on_the_same_port(serve: Serve) -> None:
    """Connections of the old server in TIME_WAIT do not keep the new one from its port."""
    server = serve("hello:app")
    with server.client() as client:
        client.get("/", {"Connection": "close"})
        client.read_to_end()
    port = server.port
    assert server.terminate() == 0
    again = serve("-b", f"127.0.0.1:{port}", "hello:app", bind=None)
    with Client(("127.0.0.1", port)) as client:
        assert client.get("/").status == 200
    assert again.process.poll() is None


def test_descriptors_of_a_worker(serve: Serve) -> None:
    """A worker's connections do not leak into what the application starts, and do not pile up."""
    server = serve("hello:app")
    [worker] = server.wait_workers(1)
    with server.client() as client:
        client.get("/")
        before = len(open_files(worker)) - 1
    for _ in range(100):
        with server.client() as client:
            client.get("/", {"Connection": "close"})
            client.read_to_end()
    # The client hears of the end a moment before the descriptor is closed.
    wait_until(lambda: len(open_files(worker)) <= before, "the end of the last connection")


@pytest.mark.parametrize("options", [(), ("--threads", "2")], ids=["sync", "gthread"])
def test_urgent_data_inside_a_request(serve: Serve, options: tuple[str, ...]) -> None:
    """A read ends before an urgent byte although more is there (tcp(7)). That was taken for an empty socket,
    and the rest of the request stayed unread until another byte came. The worker is stopped, so that all is
    there at once.
    """
    server = serve(*options, "hello:app")
    [worker] = server.wait_workers(1)
    with server.client() as client:
        assert client.get("/").status == 200  # from here on the worker hears of this connection by its poller
        os.kill(worker, signal.SIGSTOP)
        client.send(b"GET /")
        client.socket.send(b"x", socket.MSG_OOB)
        client.send(b"rest HTTP/1.1\r\nHost: a.test\r\n\r\n")
        os.kill(worker, signal.SIGCONT)
        assert client.read_response().status == 200
