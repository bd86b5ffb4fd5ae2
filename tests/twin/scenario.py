"""What a scenario is: settings, files, a command line, and steps that look at what happens.

Made in `topics/`, run by `play.py`. Holds data; a step is a function that gets the `Run` and notes what it
sees under a name, the field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twin.play import Run

Step = Callable[["Run"], object]
# From the name of a field (`exit`, `log master`, `response get`, `file pid`, `packets` ...) to what was seen.
Outcome = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """One start of a server, and what it shows. In `arguments`, `env` and `files` stand `{dir}` for the
    folder of the run (which is where the server starts), `{port}` and `{udp}` for ports.
    """

    name: str
    # The settings whose effect it shows; they stand for it in the table of the migration guide.
    settings: tuple[str, ...]
    arguments: tuple[str, ...] = ("hello:app",)
    steps: tuple[Step, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    # As for harness.Server; None where the options bind themselves.
    bind: str | None = "tcp"
    workers: int = 1
    # False: the command is expected to end by itself; its exit code and its streams are what is seen.
    is_server: bool = True
    # False: no line "Booting worker" comes to stderr (another file, another level, no worker).
    has_booting_line: bool = True
    # Only root can change users.
    needs_root: bool = False
    # Names of log lines (regular expressions) that are left out, because when they come is a matter of
    # chance.
    unseen_lines: tuple[str, ...] = ()
