"""Which server is under test.

`TRICORN_TEST_SERVER` may name another command (with arguments, shell-quoted), which is how the harness
itself is proven on a server that is known to work. Without it: the `tricorn` beside the running interpreter.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path


def server_command() -> list[str]:
    """The command line that starts the server under test, without options."""
    named = os.environ.get("TRICORN_TEST_SERVER")
    if named:
        return shlex.split(named)
    return [str(Path(sys.executable).parent / "tricorn")]


def program_name() -> str:
    """The name the server calls itself in its log and its Server header."""
    return Path(server_command()[0]).name
