"""Facts about the machine and the tools that every raw result carries. Called by command.py.

No host name, no user, no path: a result is published.
"""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any


def facts() -> dict[str, Any]:
    return {
        "cpu": _field("/proc/cpuinfo", "model name"),
        "cpus": os.cpu_count(),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "wrk": _first_word_after(_output(["wrk", "-v"]), "wrk "),
        "cc": (_output(["cc", "--version"]).splitlines() or ["none"])[0],
    }


def commit(repository: Path) -> str:
    """The commit the working tree is at, with `+` where it was changed."""
    name = _output(["git", "-C", str(repository), "rev-parse", "--short", "HEAD"]).strip()
    changed = _output(["git", "-C", str(repository), "status", "--porcelain", "--untracked-files=no"]).strip()
    return (name or "unknown") + ("+" if changed else "")


def _field(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "unknown")


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _first_word_after(text: str, marker: str) -> str:
    words = text.partition(marker)[2].split()
    return words[0] if words else "unknown"
