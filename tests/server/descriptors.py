"""What a process has open, for the tests of this area."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def open_files(pid: int) -> dict[int, str]:
    """Its descriptors and what they are (proc(5)). One that is closed meanwhile is left out."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[int(entry.name)] = os.readlink(entry)
    return found
