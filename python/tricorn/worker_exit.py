"""The end of a worker, as far as Python code expects one: exit handlers run and streams are flushed.

The bridge calls `run_exit_handlers` before it ends the process with `_exit`, which runs nothing by itself:
finalising an
interpreter with other people's extensions and threads in it can hang or crash, and the master's patience
is finite.
"""

import atexit
import contextlib
import logging
import sys


def run_exit_handlers() -> None:
    """Run what `atexit` knows, then flush what is buffered."""
    try:
        atexit._run_exitfuncs()
    finally:
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # closed, or nobody reads any more
                stream.flush()
