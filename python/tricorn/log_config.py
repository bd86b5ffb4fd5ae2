"""The settings about Python's logging: `logconfig_dict`, `logconfig_json`, `logconfig`, and syslog handlers.

Called by `glogging.Logger.setup`. As in Gunicorn a dict is laid over CONFIG_DEFAULTS key by key, not deeply,
and of the three settings the first that is set counts. What is wrong in them is said in one line that names
the setting, also a file that is missing.
"""

import json
import logging
import logging.config
import logging.handlers
import os
import socket
from typing import Any

from .errors import LogConfigError

CONFIG_DEFAULTS: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": "INFO", "handlers": ["console"]},
    "loggers": {
        name: {"level": "INFO", "handlers": [handler], "propagate": True, "qualname": name}
        for name, handler in (("gunicorn.error", "error_console"), ("gunicorn.access", "console"))
    },
    "handlers": {
        name: {"class": "logging.StreamHandler", "formatter": "generic", "stream": f"ext://sys.{stream}"}
        for name, stream in (("console", "stdout"), ("error_console", "stderr"))
    },
    "formatters": {
        "generic": {
            "format": "%(asctime)s [%(process)d] [%(levelname)s] %(message)s",
            "datefmt": "[%Y-%m-%d %H:%M:%S %z]",
            "class": "logging.Formatter",
        }
    },
}
"""What a configuration is laid over; programs copy and change it."""

SYSLOG_FACILITIES = {
    **logging.handlers.SysLogHandler.facility_names,
    "security": logging.handlers.SysLogHandler.LOG_AUTH,
}
"""The numbers of the facilities' names."""


def configure(cfg: Any) -> None:
    """Set up Python's logging as the settings say, if they say anything. Raises LogConfigError."""
    if cfg.logconfig_dict:
        _dict_config("logconfig_dict", cfg.logconfig_dict)
    elif cfg.logconfig_json:
        _dict_config("logconfig_json", _read_json(cfg.logconfig_json))
    elif cfg.logconfig:
        _file_config(cfg.logconfig)


def _dict_config(setting: str, given: Any) -> None:
    if not isinstance(given, dict):
        raise LogConfigError(setting, f"holds no object but {type(given).__name__}")
    try:
        logging.config.dictConfig({**CONFIG_DEFAULTS, **given, "loggers": _loggers(given)})
    except (AttributeError, ImportError, KeyError, OSError, TypeError, ValueError) as error:
        raise LogConfigError(setting, _reason(error)) from error


def _loggers(given: dict[str, Any]) -> Any:
    """The loggers of a dict. The default ones write, and hand what they write to the root logger, which
    writes it too: here only one of the two does, the root logger if the dict has one of its own.
    """
    defaults = CONFIG_DEFAULTS["loggers"]
    loggers = given.get("loggers", defaults)
    if loggers != defaults:
        return loggers
    has_root = given.get("root", CONFIG_DEFAULTS["root"]) != CONFIG_DEFAULTS["root"]
    once: dict[str, Any] = {"handlers": []} if has_root else {"propagate": False}
    return {name: {**logger, **once} for name, logger in defaults.items()}


def _read_json(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise LogConfigError("logconfig_json", f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise LogConfigError("logconfig_json", f"is no JSON: {error}") from error


def _file_config(path: str) -> None:
    # An error in a file that exists is one of configparser's, of the handlers' constructors, or
    # anything at all.
    if not os.path.exists(path):
        raise LogConfigError("logconfig", "cannot be read: No such file or directory")
    defaults = {**CONFIG_DEFAULTS, "__file__": path, "here": os.path.dirname(path)}
    try:
        logging.config.fileConfig(path, defaults=defaults, disable_existing_loggers=False)
    except Exception as error:
        raise LogConfigError("logconfig", _reason(error)) from error


def _reason(error: BaseException) -> str:
    """The error and what caused it, on one line: `logging` hides the interesting part in `__cause__`."""
    parts = [_one_line(error)]
    while error.__cause__ is not None:
        error = error.__cause__
        parts.append(_one_line(error))
    return ": ".join(parts)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__} {text}" if isinstance(error, KeyError) or not text else text


def parse_syslog_address(addr: str) -> tuple[socket.SocketKind | None, str | tuple[str, int]]:
    """The kind of socket (None tries both) and the address that `syslog_addr` names. Raises RuntimeError."""
    scheme, _, rest = addr.partition("://")
    if scheme == "unix":
        path, _, kind = rest.partition("#")
        return {"dgram": socket.SOCK_DGRAM, "stream": socket.SOCK_STREAM}.get(kind), path
    if scheme not in ("udp", "tcp"):
        raise RuntimeError("invalid syslog address")
    kind_of = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}
    host, _, tail = rest[1:].partition("]") if rest.startswith("[") else rest.partition(":")
    port = tail.lstrip(":") if rest.startswith("[") else tail
    if port and not port.isdigit():
        raise RuntimeError(f"{port!r} is not a valid port number.")
    return kind_of[scheme], (host.lower() or "localhost", int(port or 514))


def syslog_handler(cfg: Any, fmt: str, name: str) -> logging.Handler:
    """A handler for one of the two logs, `error` or `access`. Raises LogConfigError."""
    facility = SYSLOG_FACILITIES.get(str(cfg.syslog_facility).lower())
    if facility is None:
        raise LogConfigError("syslog_facility", "is no facility")
    prefix = cfg.syslog_prefix or cfg.proc_name.replace(":", ".")
    try:
        kind, address = parse_syslog_address(cfg.syslog_addr)
        handler = logging.handlers.SysLogHandler(address=address, facility=facility, socktype=kind)
    except (OSError, RuntimeError) as error:
        raise LogConfigError("syslog_addr", f"cannot be used: {error}") from error
    handler.setFormatter(logging.Formatter(f"tricorn.{prefix}.{name}: {fmt}"))
    return handler
