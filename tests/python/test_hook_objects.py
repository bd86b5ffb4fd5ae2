"""What hooks receive: attributes with their defaults, attributes of the user's own, and the few methods."""

import os
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from tricorn.arbiter import Arbiter
from tricorn.config import Config
from tricorn.listener import Listener
from tricorn.message import Request, Response
from tricorn.worker import Worker

# The attributes that configurations in the wild read.
ARBITER = (
    "log cfg app address pid master_pid master_name proc_name num_workers timeout worker_class worker_age "
    "LISTENERS WORKERS START_CTX systemd reexec_pid pidfile reload stop kill_worker kill_workers"
)
WORKER = "age pid ppid sockets app timeout cfg booted aborted alive nr max_requests log tmp reloader wsgi"
REQUEST = (
    "method uri path query fragment version headers trailers scheme peer_addr remote_addr "
    "proxy_protocol_info req_number must_close should_close force_close"
)
RESPONSE = (
    "status status_code headers headers_sent sent response_length chunked upgrade must_close version req"
)

CFG: Any = SimpleNamespace()
LOG: Any = SimpleNamespace()


def arbiter_of_a_program(kind: type[Arbiter] = Arbiter) -> Arbiter:
    """An arbiter as an embedding program makes it, with the default configuration."""
    arbiter = kind(SimpleNamespace(cfg=Config()))
    arbiter.log = LOG
    return arbiter


def objects() -> list[tuple[Any, str]]:
    """One of each, with as little given as possible."""
    return [
        (arbiter_of_a_program(), ARBITER),
        (Worker(age=1, cfg=CFG, log=LOG), WORKER),
        (Request(method="GET", uri="/"), REQUEST),
        (Response(status="200 OK", status_code=200), RESPONSE),
    ]


@pytest.mark.parametrize(("thing", "names"), objects(), ids=lambda value: type(value).__name__)
def test_every_attribute_is_there_and_more_can_be_set(thing: Any, names: str) -> None:
    missing = [name for name in names.split() if not hasattr(thing, name)]
    assert missing == []
    thing.profiler = "mine"
    assert thing.profiler == "mine"
    assert thing in {thing}  # hashed and compared by identity


def test_objects_do_not_share_their_lists() -> None:
    for (one, _), (other, _) in zip(objects(), objects(), strict=True):
        for name, value in vars(one).items():
            if isinstance(value, (list, dict)):
                assert value is not getattr(other, name), name


def test_a_worker_has_no_pid_before_the_fork() -> None:
    worker = Worker(age=1, cfg=CFG, log=LOG)
    assert (worker.pid, str(worker)) == ("[booting]", "<Worker [booting]>")


@pytest.mark.parametrize(
    ("version", "headers", "expected"),
    [
        ((1, 1), [], False),
        ((1, 0), [], True),
        ((1, 0), [("CONNECTION", "keep-alive")], False),
        ((1, 0), [("CONNECTION", "Keep-Alive")], False),
        ((1, 1), [("CONNECTION", "close")], True),
        ((1, 1), [("CONNECTION", "keep-alive, Close")], True),
        ((1, 1), [("CONNECTION", "TE"), ("CONNECTION", "\tclose ")], True),
        ((1, 1), [("X-CONNECTION", "close")], False),
        ((1, 0), [("CONNECTION", "keep-alive, close")], True),
    ],
)
def test_whether_a_request_closes(
    version: tuple[int, int], headers: list[tuple[str, str]], expected: bool
) -> None:
    request = Request(method="GET", uri="/", version=version, headers=headers)
    response = Response(status="200 OK", status_code=200, req=request)
    assert (request.should_close(), response.should_close()) == (expected, expected)
    request.force_close()
    assert (request.should_close(), response.should_close()) == (True, True)


def test_a_listener_gives_sockets_that_are_not_the_masters() -> None:
    with socket.create_server(("127.0.0.1", 0)) as master:
        address = master.getsockname()
        listener = Listener(fd=master.fileno(), cfg_addr=("127.0.0.1", 0), url="http://127.0.0.1")
        assert listener.fileno() == master.fileno()
        assert listener.getsockname() == address
        assert listener.sock.family == socket.AF_INET
        assert str(listener) == "http://127.0.0.1"
        listener.close()
        with socket.create_connection(address, timeout=10) as client:
            accepted, _ = master.accept()
            with accepted:
                client.sendall(b"x")
                assert accepted.recv(1) == b"x"


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda arbiter: arbiter.reload(), signal.SIGHUP),
        (lambda arbiter: arbiter.stop(), signal.SIGTERM),
        (lambda arbiter: arbiter.stop(graceful=False), signal.SIGQUIT),
        (lambda arbiter: arbiter.kill_workers(signal.SIGUSR1), signal.SIGUSR1),
    ],
)
def test_requests_go_to_the_process_as_signals(ask: Any, expected: signal.Signals) -> None:
    # Whoever started us may have had signals ignored (nohup), which programs inherit.
    script = f"import signal; signal.signal({int(expected)}, signal.SIG_DFL); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"1\n"
        arbiter = arbiter_of_a_program()
        arbiter.pid = child.pid
        arbiter.WORKERS[child.pid] = Worker(age=1, cfg=CFG, log=LOG, pid=child.pid)
        try:
            ask(arbiter)
            assert child.wait(10) == -expected
        finally:
            child.kill()
    arbiter.kill_worker(child.pid, signal.SIGTERM)  # ended and reaped: nothing happens


def test_no_signal_leaves_without_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pid 0 would be the whole process group; a pid that is no worker may be anybody."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, sig: sent.append((pid, sig)))
    arbiter = arbiter_of_a_program()
    arbiter.reload()
    arbiter.stop()
    arbiter.kill_worker(1, signal.SIGTERM)
    assert sent == []
