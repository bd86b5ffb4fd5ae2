"""Processes seen through /proc: children, state, and the ones that carry our mark.

Used by Server to find workers and to leave nothing behind. Every process that the harness starts has a mark
in its environment, which children inherit even through a daemon's double fork, so that only our own are
ever ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

MARK = "TRICORN_TEST_RUN"
_SESSION = 3  # in /proc/PID/stat, counted from the state


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def is_alive(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    fields = _stat(pid)
    return fields is not None and fields[0] not in "ZX"


def children(pid: int) -> list[int]:
    """The living children of a process, oldest first."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += [int(word) for word in task.read_text().split()]
    return sorted(child for child in found if is_alive(child))


def has_thread(pid: int, name: str) -> bool:
    """Whether the process has a thread of this name (at most 15 characters, prctl(2))."""
    for comm in Path(f"/proc/{pid}/task").glob("*/comm"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if comm.read_text().strip() == name:
                return True
    return False


def catches(pid: int, number: int) -> bool:
    """Whether the process has a handler for this signal (proc(5), SigCgt)."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def open_files(pid: int) -> dict[int, str]:
    """The descriptors of a process and what they are (proc(5)). One that is closed meanwhile is left out."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[int(entry.name)] = os.readlink(entry)
    return found


def ours(mark: str, leader: int) -> list[int]:
    """All living processes that carry this mark, or belong to the session `leader` leads, or descend from it.

    The mark alone is not enough: setting a process title overwrites the environment that /proc shows.
    """
    needle = f"{MARK}={mark}".encode()
    found = set()
    for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        fields = _stat(pid)
        if fields is None or fields[0] in "ZX" or pid == os.getpid():
            continue
        if int(fields[_SESSION]) == leader or (is_alive(leader) and pid in children(leader)):
            found.add(pid)
            continue
        with contextlib.suppress(OSError):
            if needle in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.add(pid)
    return sorted(found)


def kill_ours(mark: str, leader: int) -> list[int]:
    """SIGKILL what `ours` finds, until it finds nothing; return the pids that had to be killed."""
    killed: list[int] = []
    for _ in range(100):
        left = ours(mark, leader)
        if not left:
            break
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed += [pid for pid in left if pid not in killed]
    return killed
