"""What a process under test writes: read by a thread, kept as bytes, awaited by regular expression.

Owned by Server (one per stream). Never blocks the writer: the pipe is drained until it ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import sys
import termios
import threading
import time
from typing import IO

from harness.waiting import DEADLINE_S, DeadlineError


class Output:
    """One stream of a process. `mark` and `since` cut it into what came before and after an action."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._name = name
        self._data = bytearray()
        self._ended = False
        self._descriptor = stream.fileno()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._drain, args=(stream,), daemon=True)
        self._thread.start()

    def _drain(self, stream: IO[bytes]) -> None:
        poll = select.poll()
        poll.register(stream, select.POLLIN)
        with stream:
            while not self._ended:
                poll.poll()
                # Under the lock, so that whoever has it finds a byte either in the pipe or in the data.
                with self._changed:
                    piece = os.read(stream.fileno(), 65536)
                    self._data += piece
                    self._ended = not piece
                    self._changed.notify_all()

    def catch_up(self, deadline_s: float = DEADLINE_S) -> None:
        """Wait until everything that was written before this call has been read."""
        with self._changed:
            end = len(self._data) + (0 if self._ended else self._unread())
            if not self._changed.wait_for(lambda: self._ended or len(self._data) >= end, deadline_s):
                raise DeadlineError(f"{self._name} has {self._unread()} unread bytes after {deadline_s} s")

    def _unread(self) -> int:
        """Bytes in the pipe (FIONREAD of pipe(7))."""
        return int.from_bytes(fcntl.ioctl(self._descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)

    def mark(self) -> int:
        """The position of the end of what was written so far, for `since`."""
        self.catch_up()
        with self._changed:
            return len(self._data)

    def raw(self, since: int = 0) -> bytes:
        """Everything read from position `since` on."""
        with self._changed:
            return bytes(self._data[since:])

    def text(self, since: int = 0) -> str:
        """As `raw`, with bytes that are not UTF-8 shown as escapes."""
        return self.raw(since).decode("utf-8", "backslashreplace")

    def wait_for(
        self, pattern: str, deadline_s: float = DEADLINE_S, *, since: int = 0, count: int = 1
    ) -> re.Match[str]:
        """Wait until `pattern` is found `count` times from position `since` on; return the last of these."""
        compiled = re.compile(pattern, re.MULTILINE)
        end = time.monotonic() + deadline_s
        with self._changed:
            while True:
                text = bytes(self._data[since:]).decode("utf-8", "backslashreplace")
                found = list(compiled.finditer(text))
                if len(found) >= count:
                    return found[count - 1]
                left_s = end - time.monotonic()
                if left_s <= 0 or self._ended:
                    why = "the stream ended" if self._ended else f"not within {deadline_s} s"
                    raise DeadlineError(f"{why}: {count} x {pattern!r} in {self._name}:\n{text[-4000:]}")
                self._changed.wait(left_s)

    def wait_end(self, deadline_s: float = DEADLINE_S) -> str:
        """Wait until the writer has closed the stream; return all of it as text."""
        self._thread.join(deadline_s)
        if self._thread.is_alive():
            raise DeadlineError(f"{self._name} is still open after {deadline_s} s")
        return self.text()
