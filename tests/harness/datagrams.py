"""A socket that records datagrams: the statsd daemon of a test.

Read by a thread until it is closed; `wait_for` awaits one of them by regular expression.
"""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path
from types import TracebackType

from harness.waiting import DEADLINE_S, DeadlineError


class Datagrams:
    """Everything that was sent to a UDP port of this machine, or to a unix socket at `path`."""

    def __init__(self, path: Path | None = None) -> None:
        family = socket.AF_INET if path is None else socket.AF_UNIX
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0) if path is None else str(path))
        self.address = f"unix://{path}" if path else f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._received: list[str] = []
        self._changed = threading.Condition(threading.RLock())
        self._is_closed = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._is_closed:
            data = self._socket.recv(65536)
            with self._changed:
                self._received.append(data.decode())
                self._changed.notify_all()

    def all(self) -> list[str]:
        """What has come so far, in order."""
        with self._changed:
            return list(self._received)

    def matching(self, pattern: str) -> list[str]:
        """Those that match as a whole."""
        return [text for text in self.all() if re.fullmatch(pattern, text)]

    def wait_for(self, pattern: str, count: int = 1, deadline_s: float = DEADLINE_S) -> list[str]:
        """Wait until `count` of them match as a whole."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.matching(pattern)) >= count, deadline_s):
                raise DeadlineError(f"no {pattern!r} ({count} times) in {self._received}")
        return self.matching(pattern)

    def close(self) -> None:
        """Stop listening."""
        self._is_closed = True
        own = socket.socket(self._socket.family, socket.SOCK_DGRAM)
        with own:
            own.sendto(b"", self._socket.getsockname())  # wakes the thread
        self._thread.join(DEADLINE_S)
        self._socket.close()

    def __enter__(self) -> Datagrams:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
