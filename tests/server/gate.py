"""The gate of `gate:app`, which holds every request for `/wait` until a test opens it.

Used by the tests of this area: what has to happen beside a slow request is then not a matter of time.
"""

from __future__ import annotations

from pathlib import Path

from harness import wait_until


class Gate:
    """A gate in a folder of its own; it is closed at first. `env` is for the server."""

    def __init__(self, tmp_path: Path) -> None:
        self._folder = tmp_path / "gate"
        self._folder.mkdir()
        self.env = {"GATE": str(self._folder)}

    def open(self) -> None:
        (self._folder / "open").touch()

    def close(self) -> None:
        """Nobody may wait at it."""
        (self._folder / "open").unlink()

    def wait_inside(self, count: int) -> list[str]:
        """Wait until so many requests wait; the pid and the thread of each."""
        wait_until(lambda: len(self._inside()) == count, f"{count} requests at the gate ({self._inside()})")
        return self._inside()

    def _inside(self) -> list[str]:
        return [entry.name for entry in self._folder.iterdir() if entry.name != "open"]
