"""Finds the tricorn command and says which version and which stack are behind it. Called by command.py.

Tricorn may live in another virtual environment than its peers. A ratio between two interpreters would say
nothing about the servers: then the report gives no verdict.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from sidebyside.peers import BENCH, installed_versions

APPLICATION = ("flask", "werkzeug")


def find_tricorn(given: Path | None, venv: Path) -> Path | None:
    """The path that was given; else in the bench's environment, beside this interpreter, or in .venv."""
    if given is not None:
        return given.absolute()
    folders = [venv / "bin", Path(sys.executable).parent, BENCH.parent / ".venv" / "bin"]
    return next((folder / "tricorn" for folder in folders if (folder / "tricorn").exists()), None)


def version_of(tricorn: Path) -> str:
    words = _output([str(tricorn), "--version"]).split()
    return words[-1].strip("()") if words else "unknown"


def stack_of(tricorn: Path) -> dict[str, str] | None:
    """What its application would run on; None where the command is not a script with an interpreter line."""
    with tricorn.open("rb") as file:
        first = file.readline(4096)
    if not first.startswith(b"#!") or b"python" not in first:
        return None
    command = shlex.split(first[2:].decode(errors="replace"))
    try:
        return installed_versions(command)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def stack_difference(theirs: Mapping[str, str] | None, peers: Mapping[str, str]) -> str | None:
    """In words, where Tricorn's stack is not its peers': then a ratio says nothing about the servers."""
    if theirs is None:
        return "the interpreter of tricorn is not known"
    if theirs["python"] != peers["python"]:
        return f"different interpreters (tricorn on {theirs['python']}, peers on {peers['python']})"
    if theirs["python build"] != peers["python build"]:
        return (
            f"different interpreters (tricorn on {theirs['python build']}, peers on {peers['python build']})"
        )
    differing = [name for name in APPLICATION if theirs.get(name) != peers.get(name)]
    if not differing:
        return None
    parts = (f"{name} {theirs.get(name, 'none')}, peers {peers.get(name, 'none')}" for name in differing)
    return f"different applications (tricorn with {'; '.join(parts)})"


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
