"""One running server: started on a pinned core, checked byte for byte, ended by process id.

Called by measure.py. It does not know what is measured. Everything it waits for has a deadline.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

from sidebyside import proctree
from sidebyside.peers import Unavailable

READY_DEADLINE_S = 30.0
ANSWER_DEADLINE_S = 20.0
END_DEADLINE_S = 10.0
POLL_S = 0.02


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass(frozen=True)
class Spec:
    """What to start: argv, environment, working directory, its cores and the port it will listen on."""

    argv: list[str]
    env: Mapping[str, str]
    cwd: str
    cpus: str
    port: int


class RunningServer:
    """A context manager: inside it the server accepts connections; after it no process of it is left."""

    def __init__(self, spec: Spec) -> None:
        self.port = spec.port
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        try:
            self._child = subprocess.Popen(
                ["taskset", "-c", spec.cpus, *spec.argv],
                env=spec.env,
                cwd=spec.cwd,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,
            )
        except OSError as error:
            self._log.close()
            raise Unavailable(f"cannot be started: {error.strerror}") from None

    def __enter__(self) -> RunningServer:
        try:
            self._await_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._end()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + READY_DEADLINE_S
        while time.monotonic() < deadline:
            if (status := self._child.poll()) is not None:
                raise Unavailable(f"ended at start with status {status}: {self.last_words()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(POLL_S)  # a foreign process offers no event to wait for before it listens
        raise Unavailable(f"did not listen within {READY_DEADLINE_S:.0f} s: {self.last_words()}")

    def last_words(self) -> str:
        """The last line of its output that says something; tracebacks and errors end with it."""
        self._log.seek(0)
        lines = [
            line.strip() for line in self._log.read().decode(errors="replace").splitlines() if line.strip()
        ]
        telling = [line for line in lines if "Error" in line or "error" in line]
        return (telling or lines or ["no output"])[-1][:300]

    def verify(self, path: str, body: bytes | None) -> int:
        """Asks twice on one connection; returns the answer's size in bytes (head included, as parsed).

        Raises Unavailable unless the status is 200, the body is `body` (None: any, but not empty) and the
        connection stays open: a server that answers something else, or closes, is not measured as if it did
        the work.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_DEADLINE_S)
        try:
            for _ in range(2):
                connection.request("GET", path)
                answer = connection.getresponse()
                answered = answer.read()
                if answer.status != 200 or not answered or (body is not None and answered != body):
                    raise Unavailable(f"answered {answer.status} with {answered[:60]!r}: {self.last_words()}")
                if connection.sock is None:
                    raise Unavailable("closes the connection after each answer")
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"gave no answer ({error!r}): {self.last_words()}") from None
        finally:
            connection.close()
        head = sum(len(name) + len(value) + 4 for name, value in answer.getheaders())
        return len("HTTP/1.1 200 OK\r\n") + head + 2 + len(answered)

    def tree(self) -> dict[int, proctree.Stat]:
        return proctree.tree(self._child.pid)

    def cpu_s(self) -> tuple[float, float]:
        """User and system seconds of all its processes and threads so far."""
        members = self.tree().values()
        return sum(stat.user_s for stat in members), sum(stat.system_s for stat in members)

    def pss_mib(self) -> dict[int, float]:
        """Memory of each of its processes, the first one (the master, where there is one) first."""
        root = self._child.pid
        return {pid: proctree.pss_mib(pid) for pid in [root, *(pid for pid in self.tree() if pid != root)]}

    def rss_bytes(self) -> int:
        return sum(proctree.rss_bytes(pid) for pid in self.tree())

    def _end(self) -> None:
        """TERM to the first process, then KILL to each process of its tree that is left, always by pid."""
        members = set(self.tree())
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(END_DEADLINE_S)
            except subprocess.TimeoutExpired:
                members |= set(self.tree())
        for pid in members | set(self.tree()):
            if pid != self._child.pid or self._child.poll() is None:
                self._kill(pid)
        self._child.wait(END_DEADLINE_S)
        self._log.close()

    def _kill(self, pid: int) -> None:
        try:
            stat = proctree.parse_stat((proctree.PROC / str(pid) / "stat").read_text(errors="replace"))
            if stat.session == self._child.pid:  # the number may belong to somebody else by now
                os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError):
            pass
