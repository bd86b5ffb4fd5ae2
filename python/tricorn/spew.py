"""Prints every line of Python before it is executed: the setting `spew`.

The bridge calls `start` in the master before it serves, and on each thread that runs the application. The
form of the lines is Gunicorn's: module, line number, source.
"""

import linecache
import sys
import threading
from types import FrameType
from typing import Any


def start() -> None:
    """Trace the calling thread and every thread that Python starts from now on."""
    threading.settrace(trace)
    sys.settrace(trace)


def trace(frame: FrameType, event: str, arg: Any) -> Any:
    """The trace function (`sys.settrace`): one line of output per line of source."""
    if event == "line":
        names, code, number = frame.f_globals, frame.f_code, frame.f_lineno
        line = linecache.getline(code.co_filename, number).rstrip()
        if not line:
            line = f"Unknown code named [{code.co_name}].  VM instruction #{frame.f_lasti}"
        # With its end in one piece: other threads and workers print too.
        sys.stdout.write(f"{names.get('__name__', '[unknown]')}:{number}: {line}\n")
    return trace
