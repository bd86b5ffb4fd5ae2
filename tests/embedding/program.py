"""Programs that embed the server, written into a folder and started.

Each is the HEAD below and some lines of the test. The harness passes `-b ADDRESS` as it does to the
command; a program that does not parse its command line takes the address from `BIND`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from harness import Server, run_to_end
from harness.server import Ended

HEAD = '''
import os, signal, sys
from tricorn.app.base import Application, BaseApplication
from tricorn.app.wsgiapp import WSGIApplication
from tricorn.arbiter import Arbiter

BIND = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:0"

class State:
    """An object that no import string names: it must survive the fork."""
    calls = 0

def app(environ, start_response):
    State.calls += 1
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Pid", str(os.getpid()))])
    return [f"hello {os.getppid()}".encode()]

class Plain(BaseApplication):
    """The embedding program of the manual: options in a dict."""
    options = {}
    def load_config(self):
        for name, value in {"bind": BIND, **self.options}.items():
            if name in self.cfg.settings and value is not None:
                self.cfg.set(name.lower(), value)
    def load(self):
        return app

class Full(Application):
    """The same with a command line."""
    options = None
    def init(self, parser, opts, args):
        return self.options
    def load(self):
        return app
'''


def command_of(folder: Path, lines: str, python: Path | None = None) -> tuple[str, ...]:
    """Write the program into `folder`; the command that runs it."""
    path = folder / "program.py"
    path.write_text(HEAD + lines)
    return str(python or sys.executable), str(path)


def started(folder: Path, lines: str, *arguments: str, **options: Any) -> Server:
    """The running program, which is to be closed."""
    return Server(*arguments, command=command_of(folder, lines), cwd=folder, **options)


def ended(folder: Path, lines: str, *arguments: str, **options: Any) -> Ended:
    """The program after it has ended by itself, as it does with bad input."""
    command = command_of(folder, lines)
    return run_to_end(*arguments, command=command, bind=options.pop("bind", "tcp"), cwd=folder, **options)
