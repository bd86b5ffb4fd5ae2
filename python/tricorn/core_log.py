"""The default logger: what is logged through it becomes records of the server's own error log, written in
Rust.

The bridge makes a CoreLogger unless a configuration names a class, sets up Python's logging, or runs workers
of somebody else. One handler formats the message and gives it to `tricorn._core.log`, which adds time, pid
and level. The server's own lines do not pass through here, and neither does its access log.
"""

import logging
from collections.abc import Callable
from typing import Any

from .glogging import Logger
from .instrument.statsd import Statsd

Sink = Callable[[int, str], object]
"""Takes a level of the standard library's logging and the text, line breaks included."""


class CoreHandler(logging.Handler):
    """Gives each record's text, with its traceback, to the server's error log."""

    _gunicorn = True  # how Gunicorn marks the handlers that are its own

    def __init__(self, sink: Sink | None = None) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Format the record and write it; an error on the way is reported by `logging`, not raised."""
        try:
            if self._sink is None:
                from . import _core  # not at import time: these modules are usable without the extension

                self._sink = _core.log
            self._sink(record.levelno, self.format(record))
        except Exception:
            self.handleError(record)


class CoreLogger(Logger):
    """Gunicorn's logger over the server's own error log."""

    def __init__(self, cfg: Any, *, sink: Sink | None = None) -> None:
        """`cfg` tells `loglevel`; `sink` replaces the server's error log."""
        self._sink = sink
        super().__init__(cfg)

    def setup(self, cfg: Any) -> None:
        """Take the level from `cfg`, and replace our handlers. A handler that the application added stays."""
        self.cfg = cfg
        self.set_levels()
        for logger in (self.error_log, self.access_log):
            self.remove_own_handlers(logger)
            logger.addHandler(CoreHandler(self._sink))

    def reopen_files(self) -> None:
        """Reopen the files of the application's own handlers; the server's are reopened in Rust."""
        self.reopen_handlers()


class CoreStatsd(CoreLogger, Statsd):
    """The same, counting what is logged, and sending what hooks and applications say with `extra`."""
