"""The two programs: Gunicorn, installed once into a virtual environment of its own, and the server under
test.

The environment is `.venv-gunicorn-*` in the root of the repository, which git ignores and `make clean`
removes. When the package index cannot be reached there is no referee: every test of the suite fails with
one line.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from harness import server_command

VERSION = "27.0.1"
# setproctitle, because process titles are compared; PasteDeploy for --paste.
REQUIREMENTS = (f"gunicorn=={VERSION}", "setproctitle==1.3.8", "PasteDeploy==3.1.0")
_REPOSITORY = Path(__file__).parent.parent.parent
_PYTHON = f"cp{sys.version_info[0]}{sys.version_info[1]}"
_FOLDER = _REPOSITORY / f".venv-gunicorn-{VERSION}-{_PYTHON}"
_failure: list[str] = []


class RefereeError(AssertionError):
    """Gunicorn could not be installed."""


@dataclass(frozen=True)
class Program:
    """A server program: what it calls itself, and the command that starts it."""

    name: str
    command: tuple[str, ...]


def tricorn() -> Program:
    """The server under test."""
    return Program("tricorn", tuple(server_command()))


def gunicorn() -> Program:
    """Gunicorn, installed if it is not there yet. One process installs while the others wait."""
    if _failure:
        raise RefereeError(_failure[0])
    _FOLDER.mkdir(exist_ok=True)
    with (_FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_FOLDER / ".complete").exists():
            _install()
            (_FOLDER / ".complete").touch()
    return Program("gunicorn", (str(_FOLDER / "bin" / "gunicorn"),))


def _install() -> None:
    venv.create(_FOLDER, with_pip=True)
    pip = [str(_FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    ended = subprocess.run(
        [*pip, "--retries", "1", *REQUIREMENTS], capture_output=True, text=True, timeout=150
    )
    if ended.returncode != 0:
        last = (ended.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        _failure.append(f"the twin suite needs {' '.join(REQUIREMENTS)} from the package index: {last}")
        raise RefereeError(_failure[0])
