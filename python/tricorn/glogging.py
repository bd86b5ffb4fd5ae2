"""Gunicorn's logger class over Python's logging: what a `logger_class` of the user's is derived from.

The bridge makes one, and gives it every line of the server, when a configuration names a class of its own, or
has `logconfig`, `logconfig_dict` or `logconfig_json`. Otherwise it makes a `core_log.CoreLogger`, whose lines
are written in Rust. The loggers are named `gunicorn.error` and `gunicorn.access`, as applications look them
up. What the settings about Python's logging mean is in `log_config`.
"""

import base64
import binascii
import contextlib
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import IO, Any, ClassVar

from .errors import LogConfigError
from .log_config import CONFIG_DEFAULTS, SYSLOG_FACILITIES, configure, parse_syslog_address, syslog_handler
from .log_lines import JsonFormatter, MildHandler

__all__ = ["CONFIG_DEFAULTS", "SYSLOG_FACILITIES", "Logger", "SafeAtoms", "loggers", "parse_syslog_address"]


def loggers() -> list[logging.Logger]:
    """Every logger that has a name, and the root."""
    return [logging.getLogger(), *(logging.getLogger(name) for name in logging.root.manager.loggerDict)]


class SafeAtoms(dict[str, Any]):
    """The atoms of one access line: quotes are escaped, a missing atom is `-`, `{name}` in any case."""

    def __init__(self, atoms: Mapping[str, Any]) -> None:
        super().__init__()
        for key, value in atoms.items():
            self[key] = value.replace('"', '\\"') if isinstance(value, str) else value

    def __getitem__(self, key: str) -> Any:
        name = key.lower() if key.startswith("{") else key
        return super().__getitem__(name) if name in self else "-"


class Logger:
    """Gunicorn's logger: error and access log, with handlers made from the settings."""

    LOG_LEVELS: ClassVar[dict[str, int]] = {
        "critical": logging.CRITICAL,
        "error": logging.ERROR,
        "warning": logging.WARNING,
        "info": logging.INFO,
        "debug": logging.DEBUG,
    }
    loglevel: int = logging.INFO
    error_fmt = "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"
    datefmt = "[%Y-%m-%d %H:%M:%S %z]"
    access_fmt = "%(message)s"
    syslog_fmt = "[%(process)d] %(message)s"
    atoms_wrapper_class: ClassVar[type] = SafeAtoms

    def __init__(self, cfg: Any) -> None:
        self.error_log = logging.getLogger("gunicorn.error")
        self.access_log = logging.getLogger("gunicorn.access")
        self.error_log.propagate = False
        self.access_log.propagate = False
        self.error_handlers: list[logging.Handler] = []
        self.access_handlers: list[logging.Handler] = []
        self.logfile: IO[str] | None = None
        self.lock = threading.Lock()
        self.cfg = cfg
        self.setup(cfg)

    def setup(self, cfg: Any) -> None:
        """Make the handlers that `cfg` asks for; called again when the configuration was reloaded.

        Raises LogConfigError, which names the setting.
        """
        self.cfg = cfg
        self.set_levels()
        for logger in (self.error_log, self.access_log):
            self.remove_own_handlers(logger)
        if self._captures_output():
            self._capture_output()
        self._set_error_handlers(cfg)
        if cfg.accesslog is not None:
            formatter = logging.Formatter(self.access_fmt)
            self._set_handler(self.access_log, cfg.accesslog, formatter, sys.stdout)
        if cfg.syslog:
            self._set_syslog_handler(self.error_log, cfg, self.syslog_fmt, "error")
            if not cfg.disable_redirect_access_to_syslog:
                self._set_syslog_handler(self.access_log, cfg, self.syslog_fmt, "access")
        configure(cfg)

    def set_levels(self) -> None:
        """Take the level of the error log from the settings; the access log has none."""
        self.loglevel = self.LOG_LEVELS.get(str(self.cfg.loglevel).lower(), logging.INFO)
        self.error_log.setLevel(self.loglevel)
        self.access_log.setLevel(logging.INFO)

    # What is logged

    def critical(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level critical."""
        self.error_log.critical(msg, *args, **kwargs)

    def error(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level error."""
        self.error_log.error(msg, *args, **kwargs)

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level warning."""
        self.error_log.warning(msg, *args, **kwargs)

    def info(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level info."""
        self.error_log.info(msg, *args, **kwargs)

    def debug(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level debug."""
        self.error_log.debug(msg, *args, **kwargs)

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level error, with the traceback of the exception being handled."""
        self.error_log.exception(msg, *args, **kwargs)

    def log(self, lvl: int | str, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at a level given as a number or a name; an unknown name is info."""
        level = self.LOG_LEVELS.get(lvl.lower(), logging.INFO) if isinstance(lvl, str) else lvl
        self.error_log.log(level, msg, *args, **kwargs)

    # Access lines

    @property
    def access_log_enabled(self) -> bool:
        """Whether `access` writes anything."""
        cfg = self.cfg
        to_syslog = cfg.syslog and not cfg.disable_redirect_access_to_syslog
        return bool(cfg.accesslog or cfg.logconfig or cfg.logconfig_dict or cfg.logconfig_json or to_syslog)

    def access(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: timedelta) -> None:
        """Write the line of one request in `access_log_format`."""
        if not self.access_log_enabled:
            return
        atoms = self.atoms_wrapper_class(self.atoms(resp, req, environ, request_time))
        try:
            self.access_log.info(self.cfg.access_log_format, atoms)
        except Exception:
            self.error(traceback.format_exc())

    def atoms(
        self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: timedelta
    ) -> dict[str, Any]:
        """What an access line can say, by the names that `access_log_format` uses."""
        status = resp.status.split(None, 1)[0] if isinstance(resp.status, str) else resp.status
        sent = getattr(resp, "sent", None)
        # Whole durations, also beyond a day, where `.seconds` begins again at zero.
        microseconds = request_time // timedelta(microseconds=1)
        seconds, rest = divmod(microseconds, 1_000_000)
        atoms = {
            "h": environ.get("REMOTE_ADDR", "-"),
            "l": "-",
            "u": self._get_user(environ) or "-",
            "t": self.now(),
            "r": f"{environ['REQUEST_METHOD']} {environ['RAW_URI']} {environ['SERVER_PROTOCOL']}",
            "s": status,
            "m": environ.get("REQUEST_METHOD"),
            "U": environ.get("PATH_INFO"),
            "q": environ.get("QUERY_STRING"),
            "H": environ.get("SERVER_PROTOCOL"),
            "b": "-" if sent is None else str(sent),
            "B": sent,
            "f": environ.get("HTTP_REFERER", "-"),
            "a": environ.get("HTTP_USER_AGENT", "-"),
            "T": seconds,
            "M": microseconds // 1000,
            "D": microseconds,
            "L": f"{seconds}.{rest:06d}",
            "p": f"<{os.getpid()}>",
        }
        for kind, fields in (
            ("i", getattr(req, "headers", req)),
            ("o", resp.headers),
            ("e", environ),
        ):
            atoms.update({f"{{{name.lower()}}}{kind}": value for name, value in _pairs(fields)})
        return atoms

    def now(self) -> str:
        """The local time as the access log prints it."""
        return time.strftime("[%d/%b/%Y:%H:%M:%S %z]")

    # Files

    def reopen_files(self) -> None:
        """USR1: open every log file of this process anew, whosever logger it belongs to."""
        if self._captures_output():
            with self.lock:
                self._capture_output()
        self.reopen_handlers()

    def reopen_handlers(self) -> None:
        """Open the files of all FileHandlers anew."""
        for logger in loggers():
            for handler in logger.handlers:
                if isinstance(handler, logging.FileHandler):
                    handler.acquire()
                    try:
                        if handler.stream:
                            handler.close()
                            handler.stream = handler._open()
                    finally:
                        handler.release()

    def close_on_exec(self) -> None:
        """Nothing to do: Python opens files so that programs do not inherit them (PEP 446)."""

    # Handlers

    def remove_own_handlers(self, logger: logging.Logger) -> None:
        """Take away what an earlier `setup` has added."""
        for handler in list(logger.handlers):
            if getattr(handler, "_gunicorn", False):
                logger.removeHandler(handler)
                handler.close()

    def _set_error_handlers(self, cfg: Any) -> None:
        """Replace our handlers of the error log by those of `errorlog`, `log_split`, `error_log_format`."""
        formatter = logging.Formatter(self.error_fmt, self.datefmt)
        # A class with a format of its own keeps it.
        has_own = (self.error_fmt, self.datefmt) != (Logger.error_fmt, Logger.datefmt)
        if getattr(cfg, "error_log_format", "text") == "json" and not has_own:
            formatter = JsonFormatter()
        self._set_handler(self.error_log, cfg.errorlog, formatter)
        main = self._get_gunicorn_handler(self.error_log)
        if main is not None and cfg.errorlog == "-" and getattr(cfg, "log_split", False):
            main.setLevel(logging.WARNING)
            mild = MildHandler()
            mild.setFormatter(formatter)
            self._add_own(self.error_log, mild)

    def _get_gunicorn_handler(self, log: logging.Logger) -> logging.Handler | None:
        return next((handler for handler in log.handlers if getattr(handler, "_gunicorn", False)), None)

    def _set_handler(
        self, log: logging.Logger, output: str | None, fmt: logging.Formatter, stream: Any = None
    ) -> None:
        """Replace our handler of `log` by one that writes to `output`: a path, or `-` for `stream`."""
        present = self._get_gunicorn_handler(log)
        if present is not None:
            log.removeHandler(present)
            present.close()
        if output is None:
            return
        is_stream = output == "-"
        handler = logging.StreamHandler(stream) if is_stream else self._file_handler(log, output)
        handler.setFormatter(fmt)
        self._add_own(log, handler)

    def _file_handler(self, log: logging.Logger, path: str) -> logging.Handler:
        try:
            handler = logging.FileHandler(path)
        except OSError as error:
            name = "accesslog" if log is self.access_log else "errorlog"
            raise LogConfigError(name, f"cannot be opened: {error.strerror}") from error
        with contextlib.suppress(OSError):  # we are not root, or it is a device
            # So that a worker that is not root can open it anew.
            os.chown(handler.baseFilename, self.cfg.uid, self.cfg.gid)
        return handler

    def _set_syslog_handler(self, log: logging.Logger, cfg: Any, fmt: str, name: str) -> None:
        """Add a handler that writes to the syslog daemon of the settings."""
        self._add_own(log, syslog_handler(cfg, fmt, name))

    def _add_own(self, log: logging.Logger, handler: logging.Handler) -> None:
        handler._gunicorn = True  # type: ignore[attr-defined] # how Gunicorn marks its own
        log.addHandler(handler)

    def _captures_output(self) -> bool:
        return bool(self.cfg.capture_output and self.cfg.errorlog not in (None, "-"))

    def _capture_output(self) -> None:
        """Make the error log's file the standard streams of the process."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        try:
            logfile = open(self.cfg.errorlog, "a+")  # noqa: SIM115 # it stays open
        except OSError as error:
            raise LogConfigError("errorlog", f"cannot be opened: {error.strerror}") from error
        if self.logfile is not None:
            self.logfile.close()
        self.logfile = logfile
        os.dup2(logfile.fileno(), 1)
        os.dup2(logfile.fileno(), 2)

    def _get_user(self, environ: Mapping[str, Any]) -> str | None:
        """The user of Basic credentials (RFC 7617)."""
        scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            decoded = base64.b64decode(credentials.strip().encode())
            return decoded.partition(b":")[0].decode()
        except (binascii.Error, UnicodeError) as error:
            self.debug("Couldn't get username: %s", error)
            return None


def _pairs(fields: Any) -> Iterable[tuple[str, Any]]:
    pairs: Iterable[tuple[str, Any]] = fields.items() if hasattr(fields, "items") else fields
    return pairs
