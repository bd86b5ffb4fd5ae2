"""The server's lines on their way to a logger in Python: one of the user's, or Python's logging as
`logconfig` set it up.

The bridge calls these functions with the interpreter attached. They may raise: the bridge then writes the
line to standard error by itself, and says so. A server with the default logger does not come here.
"""

import contextlib
import logging
from datetime import timedelta
from typing import Any, ClassVar

from .class_loader import load_class
from .core_log import CoreLogger, CoreStatsd
from .glogging import Logger
from .instrument.statsd import Statsd
from .log_lines import raw_text
from .message import Request

METHODS = {50: "critical", 40: "error", 30: "warning", 20: "info", 10: "debug"}


def core_logger(cfg: Any) -> Any:
    """The logger of a server that writes its lines in Rust."""
    return CoreLogger(cfg) if cfg.statsd_host is None else CoreStatsd(cfg)


def python_logger(cfg: Any, custom: Any) -> Any:
    """A logger that writes: of the class `custom` is or names, else of the default one.

    Raises ClassError, LogConfigError, and whatever the class raises.
    """
    default = Logger if cfg.statsd_host is None else Statsd
    chosen = default if custom is None else load_class("logger_class", custom)
    if chosen is Logger:
        chosen = default
    install = getattr(chosen, "install", None)
    if install is not None:
        install()
    return chosen(cfg)


LOGGERS = ("gunicorn.error", "gunicorn.access")


class _Adornments:
    """Filters and handlers that the configuration file, or the embedding program before it runs the server,
    has put on the loggers: lines have to pass there, as they do in Gunicorn.
    """

    has_begun = False
    before: ClassVar[list[object]] = []
    """Those that were there when the configuration was read again: what has come since the last reading came
    too late, from a hook or a preloaded application, and does not count because of a HUP.
    """
    were_found = False


def begin_reading() -> None:
    """A configuration is about to be read."""
    if _Adornments.has_begun:
        _Adornments.before = [item for name in LOGGERS for item in _adornments(logging.getLogger(name))]
    _Adornments.has_begun = True


def is_adorned() -> bool:
    """Whether the configuration that was read, or one before it, has put something on the loggers."""
    found = (item for name in LOGGERS for item in _adornments(logging.getLogger(name)))
    if any(all(item is not known for known in _Adornments.before) for item in found):
        _Adornments.were_found = True
    return _Adornments.were_found


def _adornments(logger: logging.Logger) -> list[object]:
    foreign = [handler for handler in logger.handlers if not getattr(handler, "_gunicorn", False)]
    return [*logger.filters, *foreign]


def changed_late(logger: Any) -> list[str]:
    """The names of the loggers that somebody has changed since the server made its own, if `logger` is one
    whose server's lines do not pass there.
    """
    if not isinstance(logger, CoreLogger):
        return []
    levels = ((logger.error_log, logger.loglevel), (logger.access_log, logging.INFO))
    return [
        own.name
        for own, level in levels
        if _adornments(own) or own.disabled or own.level != level or not own.handlers
    ]


def threshold(logger: Any) -> int:
    """The least level that the logger wants to hear of."""
    error_log = getattr(logger, "error_log", None)
    return error_log.getEffectiveLevel() if isinstance(error_log, logging.Logger) else logging.DEBUG


def wants_access(logger: Any) -> bool:
    """Whether the logger is to be told of every request: it writes access lines, or has a method of its
    own."""
    overrides = getattr(type(logger), "access", None) is not Logger.access
    return overrides or bool(logger.access_log_enabled)


def record(logger: Any, level: int, text: str) -> None:
    """One line of the server. The text is no format: it has no arguments."""
    getattr(logger, METHODS[level])(text)


def exception(logger: Any, text: str, error: BaseException) -> None:
    """A line with the exception that was caught, which handlers see as `record.exc_info`."""
    logger.exception(text, exc_info=error)


def workers(logger: Any, count: int) -> None:
    """How many workers there are: a line, and a metric for a logger that is a statsd client."""
    logger.debug(f"{count} workers", extra={"metric": "gunicorn.workers", "value": count, "mtype": "gauge"})


def backlog(logger: Any, waiting: int) -> None:
    """How many connections wait to be accepted."""
    logger.debug(
        f"socket backlog: {waiting}",
        extra={"metric": "gunicorn.backlog", "value": waiting, "mtype": "histogram"},
    )


def raw(logger: Any, text: str) -> None:
    """What an application writes to `wsgi.errors`: to the streams of the error log, as it is."""
    for handler in getattr(logger, "error_log", logging.getLogger("gunicorn.error")).handlers:
        stream = getattr(handler, "stream", None)
        shown = raw_text(handler, text)
        if stream is not None and shown:
            with contextlib.suppress(ValueError):  # closed
                stream.write(shown)
                stream.flush()


def access(logger: Any, resp: Any, req: Request, environ: Any, elapsed_us: int) -> None:
    """The line of one request. Without an environ (a hook refused the request) there is one of the
    request line."""
    if environ is None:
        environ = environ_of(req)
    logger.access(resp, req, environ, timedelta(microseconds=elapsed_us))


def environ_of(req: Request) -> dict[str, Any]:
    """The part of an environ that access lines are made of."""
    addr = req.remote_addr
    environ = {
        "REQUEST_METHOD": req.method,
        "RAW_URI": req.uri,
        "PATH_INFO": req.path,
        "QUERY_STRING": req.query,
        "SERVER_PROTOCOL": "HTTP/{}.{}".format(*req.version),
        "REMOTE_ADDR": addr[0] if isinstance(addr, tuple) else addr,
    }
    for name, value in req.headers:
        environ[f"HTTP_{name.replace('-', '_')}"] = value
    return environ


def reopen(logger: Any) -> None:
    """USR1."""
    logger.reopen_files()
