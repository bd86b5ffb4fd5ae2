"""What the oracle application wrote down: one JSON object per line, one line per event.

Read by the runner to know what reached the application, whatever reached the client.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class Events:
    """The event file of one server."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def mark(self) -> int:
        """The position up to which events are old: the end of the last whole line."""
        return self.path.read_bytes().rfind(b"\n") + 1

    def since(self, mark: int, port: int) -> list[Event]:
        """The events after `mark` of requests that came from this port. A line that is being written while we
        read is not there yet.
        """
        with self.path.open("rb") as file:
            file.seek(mark)
            whole, _, _ = file.read().rpartition(b"\n")
        events = [json.loads(line) for line in whole.splitlines()]
        return [event for event in events if event["remote_port"] == port]
