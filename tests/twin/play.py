"""Runs one scenario against one program, and returns what was seen.

Called by the tests and by `record.py`. Each run has a folder of its own, in which the server starts, and
which is its HOME, so that no two runs meet in a file.
"""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import tempfile
from pathlib import Path
from typing import Any

from harness import DeadlineError, Server, wait_until
from harness.processes import catches, children, has_thread
from harness.server import BOOTING, free_port
from twin.normal import Names, log_lines
from twin.programs import Program
from twin.scenario import Outcome, Scenario

TWIN = Path(__file__).parent
_APPS = (TWIN / "apps", TWIN.parent / "apps")
# Gunicorn opens a control socket and says so at every start; the scenarios about it name one themselves.
_QUIET = "--no-control-socket"
_CONTROL = re.compile("--(no-)?control-socket")
_REFUSAL = re.compile("^WARNING Invalid request from")
# Whether a worker that gets TERM twice has put its handlers away already.
_BY_CHANCE = r"Worker \(pid:\d+\) was sent SIGTERM!"
_DEADLINE_S = 20.0
# For what is known not to come: a scenario of later.json waits in vain, and need not wait long for that.
_SHORT_DEADLINE_S = 4.0


class Run:
    """A scenario that is being played: the server, its folder, and what has been seen so far."""

    def __init__(self, scenario: Scenario, program: Program, folder: Path, deadline_s: float) -> None:
        self.scenario = scenario
        self.program = program
        self.folder = folder
        self.deadline_s = deadline_s
        self.outcome: Outcome = {}
        self.names = Names()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.spare_port = free_port()
        self._values: list[tuple[str, Any]] = []
        self._has_stopped = False
        for path, text in scenario.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(self.fill(text))
        try:
            self.server = self._start()
        except BaseException:
            self.udp.close()
            raise
        self._learn_names()

    def fill(self, text: str) -> str:
        """`text` with this run's folder and ports in their places."""
        places = {"{dir}": self.folder, "{udp}": self.udp.getsockname()[1], "{port}": self.spare_port}
        for place, value in places.items():
            text = text.replace(place, str(value))
        return text

    def _start(self) -> Server:
        arguments = [self.fill(argument) for argument in self.scenario.arguments]
        if not any(_CONTROL.match(argument) for argument in arguments):
            arguments.append(_QUIET)
        env = {
            "PYTHONPATH": ":".join(str(folder) for folder in _APPS),
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": "",
            **{name: self.fill(value) for name, value in self.scenario.env.items()},
        }
        bind = self.scenario.bind and self.fill(self.scenario.bind)
        is_quiet = not self.scenario.is_server or not self.scenario.has_booting_line
        server = Server(
            *arguments,
            bind=bind,
            env=env,
            cwd=self.folder,
            workers=self.scenario.workers,
            command=self.program.command,
            is_ours=self.program.name == "tricorn",
            ready=None if is_quiet else BOOTING,
        )
        if server.address is None:
            server.address = ("127.0.0.1", self.spare_port)
        return server

    def _learn_names(self) -> None:
        address = self.server.address
        self.names.know(self.folder, "DIR")
        self.names.know(self.program.command[0], "SERVER")
        self.names.know(self.server.pid, "M")
        self.names.know(self.spare_port, "PORT")
        self.names.know(self.udp.getsockname()[1], "UDP")
        if isinstance(address, tuple):
            self.names.know(address[1], "PORT")

    # Used by steps

    def see(self, name: str, value: Any) -> None:
        """Note `value` under the field `name`; it is made comparable when the run is over."""
        self._values.append((name, value))

    def wait_log(self, pattern: str, count: int = 1, since: int = 0) -> re.Match[str]:
        """Wait for a line of the error log on stderr."""
        return self.server.stderr.wait_for(pattern, self.deadline_s, count=count, since=since)

    def wait_workers(self, count: int) -> None:
        """Wait until there are so many workers and no others, and none of them is booting."""
        pids = self.server.wait_workers(count, self.deadline_s)
        wait_until(
            lambda: all(self._has_booted(pid) for pid in self.server.workers()),
            f"{pids} to serve",
            self.deadline_s,
        )

    def expect_exit(self) -> None:
        """The server is ending already: `finish` only waits for it."""
        self._has_stopped = True
        self._see_exit()

    def wait_answer(self) -> None:
        """Wait until the address accepts connections."""

        def accepts() -> bool:
            with contextlib.suppress(OSError), self.server.client():
                return True
            return False

        wait_until(accepts, "a connection", self.deadline_s)

    def path(self, name: str) -> Path:
        """A file in the folder of this run."""
        return self.folder / name

    def wait_file(self, name: str, pattern: str, count: int = 1) -> str:
        """Wait until a file has `pattern` so many times; its text."""

        def text() -> str:
            path = self.path(name)
            content = path.read_text() if path.exists() else ""
            return content if len(re.findall(pattern, content, re.MULTILINE)) >= count else ""

        return wait_until(text, f"{count} x {pattern!r} in {name}", self.deadline_s)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop the server with a signal and note its exit code; the logs are complete after that."""
        if not self._has_stopped:
            if self.server.process.poll() is None:
                self._settle()
                self.server.signal(number)
            self.expect_exit()

    def _settle(self) -> None:
        """Wait until no worker is booting: one that gets TERM then loses it (Gunicorn) or ends at once
        (Tricorn).
        """

        def are_ready() -> bool:
            pids = self.server.workers()
            return pids != [] and all(self._has_booted(pid) for pid in pids)

        with contextlib.suppress(DeadlineError):
            wait_until(lambda: self._has_ended() or are_ready(), "workers that are ready", self.deadline_s)

    def _has_booted(self, pid: int) -> bool:
        """Whether a child of the master is no worker that boots."""
        if children(pid):
            return True  # a new master, after USR2
        if self.program.name == "tricorn":
            # A sync worker starts the first when it has told its master that it serves, one with threads
            # the second right before.
            return has_thread(pid, "tricorn-signals") or has_thread(pid, "tricorn-runner-")
        return catches(pid, signal.SIGABRT)

    def _has_ended(self) -> bool:
        return self.server.process.poll() is not None

    def _see_exit(self) -> None:
        try:
            self.see("exit", self.server.wait_exit(self.deadline_s))
        except DeadlineError:
            self.see("exit", "does not end")

    # End

    def _learn_workers(self) -> None:
        for pid in re.findall(
            r"Booting worker with pid: (\d+)", f"{self._values} {self.server.stderr.text()}"
        ):
            self.names.know(pid, "W")

    def finish(self) -> Outcome:
        """The whole outcome, with the logs, made comparable."""
        if self.scenario.is_server:
            self.stop()
        else:
            self._see_exit()
        self.server.close()
        self._learn_workers()
        self._see_logs()
        self.outcome = {self.names.text(name): self.names.value(value) for name, value in self._values}
        return self.outcome

    def close(self) -> None:
        """Leave nothing behind."""
        self.server.close()
        self.udp.close()

    def _see_logs(self) -> None:
        lines = log_lines(self.server.stderr.text())
        for line in lines:
            if bound := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", line.message):
                self.names.know(bound[1], "PORT")
        unseen = [re.compile(pattern) for pattern in (*self.scenario.unseen_lines, _BY_CHANCE)]
        seen = [line for line in lines if not any(pattern.search(line.message) for pattern in unseen)]
        master = [f"{line.level} {line.message}" for line in seen if line.pid == self.server.pid]
        workers = [f"{line.level} {line.message}" for line in seen if line.pid != self.server.pid]
        refusals = [line for line in workers if _REFUSAL.search(line)]
        self.see("log of the master", master)
        self.see("log of the workers", sorted({self.names.text(line) for line in workers} - set(refusals)))
        if refusals:
            self.see("log of refusals", sorted(set(refusals)))


def play(scenario: Scenario, program: Program, *, is_hopeless: bool = False) -> Outcome:
    """Run `scenario` against `program`. A step that waits in vain is an outcome too."""
    deadline_s = _SHORT_DEADLINE_S if is_hopeless else _DEADLINE_S
    with tempfile.TemporaryDirectory(prefix="twin-") as name:
        try:
            run = Run(scenario, program, Path(name).resolve(), deadline_s)
        except DeadlineError as error:
            last = str(error).strip().splitlines()[-1]
            names = Names()
            names.know(name, "DIR")
            return {"start": names.text(f"fails: {last}")}
        try:
            try:
                for step in scenario.steps:
                    step(run)
            except (DeadlineError, OSError, AssertionError) as error:
                run.see("waited in vain", f"{type(error).__name__}: {str(error).splitlines()[0]}")
            return run.finish()
        finally:
            run.close()
