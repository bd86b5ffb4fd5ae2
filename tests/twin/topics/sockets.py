"""Listeners: forms of addresses, unix sockets, descriptors that are inherited, sockets that are in use."""

from __future__ import annotations

import signal
import socket

from harness import Client
from twin.play import Run
from twin.scenario import Scenario, Step
from twin.steps import ask, listening, response_data, see_path, send_signal, stop, wait_log

CLOSE = {"Connection": "close"}
GET = ask("get", "/", CLOSE)


def at(path: str) -> Step:
    """GET over a unix socket of this name in the folder of the run."""

    def step(run: Run) -> None:
        with Client(str(run.path(path))) as client:
            run.see(f"response at {path}", response_data(client.get("/", CLOSE)))

    return step


def occupied(run: Run) -> None:
    """What is left at the path after the start."""
    run.see(
        "what is at the path", run.path("taken").read_text() if run.path("taken").is_file() else "a socket"
    )


def binds(
    name: str,
    address: str,
    *steps: Step,
    settings: tuple[str, ...] = ("bind",),
    arguments: tuple[str, ...] = (),
    files: dict[str, str] | None = None,
) -> Scenario:
    """A server at this address, which is given with -b."""
    return Scenario(
        f"socket-{name}",
        settings,
        ("-b", address, *arguments, "hello:app"),
        steps or (GET,),
        files or {},
        bind=None,
    )


def backlog(run: Run) -> None:
    """See how many connections the kernel lets wait (ss: Send-Q of a listening socket)."""
    with open("/proc/net/tcp") as table:
        table.readline()
        run.see(
            "is listening", any(int(line.split()[1].split(":")[1], 16) == run.server.port for line in table)
        )


def reuses_port(run: Run) -> None:
    """Whether another socket may be bound to the same port."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            other.bind(("127.0.0.1", run.server.port))
        except OSError as error:
            run.see("another socket at the port", error.strerror)
        else:
            run.see("another socket at the port", "bound")


SCENARIOS: list[Scenario] = [
    binds("host-and-port", "127.0.0.1:{port}"),
    binds("name", "LOCALHOST:{port}"),
    binds("all-of-ipv4", ":{port}"),
    binds("scheme", "tcp://127.0.0.1:{port}"),
    binds("unix", "unix:{dir}/sock", at("sock"), see_path("sock"), stop(), see_path("sock")),
    binds("unix-slashes", "unix://{dir}/sock", at("sock")),
    binds("unix-relative", "unix:sock", at("sock"), stop(), see_path("sock")),
    Scenario(
        "socket-two",
        ("bind",),
        ("-b", "127.0.0.1:{port}", "-b", "unix:{dir}/sock", "hello:app"),
        (GET, at("sock")),
        bind=None,
    ),
    Scenario("socket-from-port", ("bind",), ("hello:app",), (GET,), env={"PORT": "{port}"}, bind=None),
    Scenario(
        "socket-unix-over-a-file",
        ("bind",),
        ("-b", "unix:{dir}/taken", "hello:app"),
        (),
        {"taken": "precious\n"},
        bind=None,
        is_server=False,
    ),
    Scenario(
        "socket-bad-descriptor", ("bind",), ("-b", "fd://77", "hello:app"), (), bind=None, is_server=False
    ),
    Scenario("socket-backlog", ("backlog",), ("--backlog", "5", "hello:app"), (GET, backlog)),
    Scenario(
        "socket-reuse-port", ("reuse_port",), ("--reuse-port", "hello:app"), (listening, GET, reuses_port)
    ),
    Scenario("socket-no-reuse-port", ("reuse_port",), ("hello:app",), (GET, reuses_port)),
    Scenario(
        "socket-hup-changes-bind",
        ("bind",),
        ("hello:app",),
        (
            at("first"),
            lambda run: run.path("gunicorn.conf.py").write_text(f"bind = 'unix:{run.path('second')}'\n"),
            send_signal(signal.SIGHUP),
            wait_log("Listening at: unix"),
            wait_log("Booting worker", 2),
            at("second"),
        ),
        {"gunicorn.conf.py": "bind = 'unix:{dir}/first'\n"},
        bind=None,
        unseen_lines=(".",),
    ),
]
