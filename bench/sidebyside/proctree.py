"""What a tree of processes costs: CPU time and memory, read from /proc.

Called by server.py. It reads only; it never signals. A tree is a process, its descendants and every member of
its session, so that a child whose parent has died still counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True)
class Stat:
    """The fields of /proc/<pid>/stat that are used here (proc_pid_stat(5)). CPU times in seconds."""

    pid: int
    ppid: int
    session: int
    user_s: float
    system_s: float


def parse_stat(text: str) -> Stat:
    """Parses one line. The name may hold spaces and parentheses, so fields count from the last one."""
    pid, rest = text.split(" ", 1)
    fields = rest.rpartition(")")[2].split()
    # Times of children that were waited for move to their parent, so both are summed: a worker that ends
    # inside the measured window is neither lost nor counted twice.
    utime, stime, cutime, cstime = (int(value) for value in fields[11:15])
    return Stat(
        pid=int(pid),
        ppid=int(fields[1]),
        session=int(fields[3]),
        user_s=(utime + cutime) / TICKS_PER_S,
        system_s=(stime + cstime) / TICKS_PER_S,
    )


def all_stats() -> dict[int, Stat]:
    found = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                stat = parse_stat((entry / "stat").read_text(errors="replace"))
            except (OSError, ValueError):
                continue  # it ended meanwhile
            found[stat.pid] = stat
    return found


def tree(root: int) -> dict[int, Stat]:
    """The processes of the tree that starts at `root`, by pid. `root` is expected to lead its session."""
    stats = all_stats()
    members = {pid for pid, stat in stats.items() if pid == root or stat.session == root}
    grown = True
    while grown:
        more = {pid for pid, stat in stats.items() if stat.ppid in members} - members
        members |= more
        grown = bool(more)
    return {pid: stats[pid] for pid in sorted(members)}


def pss_mib(pid: int) -> float:
    """Proportional set size in MiB; 0 for a process that has ended."""
    return _memory_kib(pid, "Pss:") / 1024


def rss_bytes(pid: int) -> int:
    """Resident set size; 0 for a process that has ended."""
    return _memory_kib(pid, "Rss:") * 1024


def _memory_kib(pid: int, name: str) -> int:
    """One line of smaps_rollup (proc_pid_smaps(5))."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(name))


def busiest_share(cpus: Sequence[int], sample_s: float) -> float:
    """How busy the busiest of `cpus` is for `sample_s`, from 0 to 1: ask while nothing of ours runs."""
    before, begin = [cpu_busy_s(cpu) for cpu in cpus], time.monotonic()
    time.sleep(sample_s)
    elapsed_s = time.monotonic() - begin
    busy_s = max(cpu_busy_s(cpu) - busy for cpu, busy in zip(cpus, before, strict=True))
    return min(1.0, busy_s / elapsed_s)


def cpu_busy_s(cpu: int) -> float:
    """Seconds `cpu` has not been idle since boot, stolen time included (proc_stat(5))."""
    for line in (PROC / "stat").read_text().splitlines():
        name, *values = line.split()
        if name == f"cpu{cpu}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = (int(value) for value in values[:8])
            return (user + nice + system + irq + softirq + steal) / TICKS_PER_S
    raise ValueError(f"no CPU {cpu}")
