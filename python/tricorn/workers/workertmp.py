"""The heartbeat of a worker class, which Gunicorn keeps in a temporary file and we in the shared
scoreboard."""

import os
import signal
import time
from typing import Any


class WorkerTmp:
    """`worker.tmp`. The master kills a worker that has not called `notify` for `timeout`."""

    def __init__(self, cfg: Any = None) -> None:
        """`cfg` is taken because Gunicorn's takes it; there is no file, so nothing of it is used."""
        self._last = 0.0
        self._fd = -1
        self._parent = 0

    def watch_parent(self, pid: int) -> None:
        """From now on a dead master, seen at a heartbeat, is a request to end gracefully."""
        self._parent = pid

    def notify(self) -> None:
        """Say that this worker makes progress."""
        from .. import _core

        self._last = time.monotonic()
        _core.beat()
        if self._parent and os.getppid() != self._parent:
            self._parent = 0
            os.kill(os.getpid(), signal.SIGTERM)

    def last_update(self) -> float:
        """When this process called `notify` last, in seconds of the monotonic clock; 0 if it never did."""
        return self._last

    def fileno(self) -> int:
        """A descriptor, for code that sets flags on it."""
        if self._fd < 0:
            self._fd = os.open(os.devnull, os.O_RDWR)
        return self._fd

    def close(self) -> None:
        """Close the descriptor, if somebody had it made."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
