"""A server under test: one command started on a free port or a unix socket, watched, and always ended.

Called by fixtures and tests, mostly as `with Server("app:app", "-w", "2") as server`. Readiness is
what the log says, "Booting worker" and then "Start complete", never a pause. It does not judge the server:
tests do.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import re
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from types import TracebackType

from harness import gunicorn, processes
from harness.client import Address, Client
from harness.command import program_name, server_command
from harness.output import Output
from harness.waiting import DEADLINE_S, START_DEADLINE_S, DeadlineError, wait_until

APPS = Path(__file__).parent.parent / "apps"
# The line by which a worker says that it begins to load the application.
BOOTING = r"Booting worker with pid: (\d+)"
_BIND_FAILED = r"Connection in use|Address already in use|Can't connect to"
_PORT_ATTEMPTS = 8
_LIBC = ctypes.CDLL(None)


class Server:
    """A running server. `bind` is "tcp" (default), "tcp6", "unix:PATH" or None (the options bind
    themselves). `command` starts another program than the one under test; `is_ours` is
    false for one that is not Tricorn.
    """

    def __init__(
        self,
        *arguments: str,
        bind: str | None = "tcp",
        env: dict[str, str] | None = None,
        cwd: Path | str = APPS,
        ready: str | None = BOOTING,
        workers: int = 1,
        prefix: tuple[str, ...] = (),
        pass_fds: tuple[int, ...] = (),
        command: tuple[str, ...] | None = None,
        is_ours: bool = True,
    ) -> None:
        self.arguments = arguments
        self._command = command  # a program that embeds the server; None is the server under test
        self._says_when_it_serves = is_ours and program_name() == "tricorn"
        self._is_gunicorn = command is None and program_name() == "gunicorn"
        self.bind = bind
        self.address: Address | None = None
        self._env = env or {}
        self._cwd = Path(cwd)
        self._ready = ready
        self._workers = workers
        self._prefix = prefix
        self._pass_fds = pass_fds
        self._start()

    # Start

    def _start(self) -> None:
        for attempt in range(_PORT_ATTEMPTS):
            self._spawn()
            try:
                if self._ready is not None:
                    self.stderr.wait_for(self._ready, START_DEADLINE_S, count=self._workers)
                    self._wait_serving()
                return
            except DeadlineError:
                self.close()
                taken = re.search(_BIND_FAILED, self.stderr.text())
                if self.bind in ("tcp", "tcp6") and taken and attempt + 1 < _PORT_ATTEMPTS:
                    continue
                raise

    def _wait_serving(self) -> None:
        """Wait until the workers have loaded their application: "Booting worker" comes before that. Of ours
        the master must know it too: only then does it tell a worker that serves from one that loads.
        """
        if self._ready != BOOTING:
            return
        if self._is_gunicorn and gunicorn.has_our_config(self.arguments):
            self.stderr.wait_for(gunicorn.SERVING, count=self._workers)
        self.wait_complete()

    def _spawn(self) -> None:
        self.mark = uuid.uuid4().hex
        program = self._command or server_command()
        arguments = self.arguments
        extra_env: dict[str, str] = {}
        if self._is_gunicorn:
            arguments, extra_env = gunicorn.translated(self.arguments, self._env)
        command = [*self._prefix, *program, *self._bind_options(), *arguments]
        env = {key: value for key, value in os.environ.items() if not _is_server_setting(key)}
        env.update({"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"})
        env.update(extra_env)
        env.update(self._env)
        env[processes.MARK] = self.mark
        self.process = subprocess.Popen(
            command,
            cwd=self._cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=self._pass_fds,
            preexec_fn=_end_with_the_tests,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.stdout = Output(self.process.stdout, "stdout")
        self.stderr = Output(self.process.stderr, "stderr")

    def _bind_options(self) -> list[str]:
        if self.bind is None:
            return []
        if self.bind.startswith("unix:"):
            self.address = self.bind[len("unix:") :]
            return ["-b", self.bind]
        host = "::1" if self.bind == "tcp6" else "127.0.0.1"
        port = free_port(host)
        self.address = (host, port)
        return ["-b", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]

    def wait_complete(self) -> None:
        """Wait until the start is over, as far as the server tells: our master logs it when all workers
        serve.
        """
        if self._says_when_it_serves:
            self.stderr.wait_for("Start complete")

    # While it runs

    @property
    def pid(self) -> int:
        """The pid of the master (of the process that was started)."""
        return self.process.pid

    @property
    def port(self) -> int:
        assert isinstance(self.address, tuple)
        return self.address[1]

    def client(self, deadline_s: float = DEADLINE_S) -> Client:
        """A new connection to the server."""
        assert self.address is not None
        return Client(self.address, deadline_s)

    def workers(self) -> list[int]:
        """The pids of the worker processes, oldest first."""
        return processes.children(self.pid)

    def wait_workers(self, count: int, deadline_s: float = DEADLINE_S) -> list[int]:
        """Wait until exactly `count` workers live."""
        return (
            wait_until(
                lambda: (found := self.workers()) and len(found) == count and found,
                f"{count} workers (there are {self.workers()})",
                deadline_s,
            )
            or []
        )

    def signal(self, number: int) -> None:
        """Send a signal to the master alone."""
        os.kill(self.pid, number)

    def wait_exit(self, deadline_s: float = DEADLINE_S) -> int:
        """Wait for the master's end, and for all it has written; its exit code (negative: the signal)."""
        try:
            code = self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise DeadlineError(
                f"{self.process.args!r} runs after {deadline_s} s\n{self.stderr.text()[-4000:]}"
            ) from None
        self.stdout.catch_up()
        self.stderr.catch_up()
        return code

    def left_over(self) -> list[int]:
        """Living processes that this server has started, itself included."""
        return processes.ours(self.mark, self.pid)

    def terminate(self, deadline_s: float = DEADLINE_S) -> int:
        """TERM, wait, and return the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait_exit(deadline_s)

    # End

    def close(self) -> None:
        """End the server and everything it started, by whatever it takes."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.signal(signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1.0)
        processes.kill_ours(self.mark, self.pid)
        self.process.wait(DEADLINE_S)
        self.stdout.wait_end()
        self.stderr.wait_end()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Ended:
    """A command that ran to its end: exit code, both streams as text, and how long it took in seconds."""

    def __init__(self, code: int, stdout: str, stderr: str, elapsed_s: float) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        self.elapsed_s = elapsed_s


def run_to_end(
    *arguments: str,
    bind: str | None = None,
    env: dict[str, str] | None = None,
    cwd: Path | str = APPS,
    deadline_s: float = DEADLINE_S,
    command: tuple[str, ...] | None = None,
) -> Ended:
    """Run the server command until it ends by itself, as it does with bad input; fail if it does not."""
    started = time.monotonic()
    with Server(*arguments, bind=bind, env=env, cwd=cwd, ready=None, command=command) as server:
        code = server.wait_exit(deadline_s)
        elapsed_s = time.monotonic() - started
    return Ended(code, server.stdout.text(), server.stderr.text(), elapsed_s)


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on, below the range the kernel takes ports for outgoing connections from."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket(family) as probe, contextlib.suppress(OSError):
            probe.bind((host, port))
            return port


def _end_with_the_tests() -> None:
    """In the child: TERM when the test process is killed and cannot clean up (prctl(2), PR_SET_PDEATHSIG)."""
    _LIBC.prctl(1, signal.SIGTERM)


def _is_server_setting(name: str) -> bool:
    known = (
        "WEB_CONCURRENCY",
        "PORT",
        "FORWARDED_ALLOW_IPS",
        "SENDFILE",
        "SCRIPT_NAME",
        "LISTEN_FDS",
        "LISTEN_PID",
    )
    return name in known or name.startswith(("GUNICORN_", "TRICORN_"))
