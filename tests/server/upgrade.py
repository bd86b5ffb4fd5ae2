"""What the tests of an upgrade (USR2) share: starting the new master, seeing it, and waiting for the old
one's end.

Used by the tests of this area. The new master writes to the streams of the old one, so `server.stderr` has
both.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from harness import Server, wait_until
from harness.processes import children, is_alive


def upgrade(server: Server, old: int | None = None) -> int:
    """Send USR2 to the master `old` (the first one if not given) and wait until the new one serves; its
    pid.
    """
    mark = server.stderr.mark()
    os.kill(old or server.pid, signal.SIGUSR2)
    new = int(server.stderr.wait_for(r"Starting a new master with pid: (\d+)", since=mark).group(1))
    server.stderr.wait_for(rf"\[{new}\] \[INFO\] Start complete", since=mark)
    return new


def master_is(path: Path, pid: int) -> bool:
    """The pid file names this master."""
    return path.exists() and path.read_text() == f"{pid}\n"


def wait_gone(pid: int) -> None:
    """Wait until a process that need not be our child has ended."""
    wait_until(lambda: not is_alive(pid), f"the end of process {pid}")


def wait_children(pid: int, count: int) -> list[int]:
    """Wait until the master `pid` has exactly so many children."""
    wait_until(lambda: len(children(pid)) == count, f"{count} children of {pid}")
    return children(pid)
