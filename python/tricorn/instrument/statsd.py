"""The logger that is a statsd client as well: Gunicorn's `gunicorn.instrument.statsd.Statsd`.

With `statsd_host` the default logger is one of these (`core_log.CoreStatsd`): it counts what hooks and
applications log through it, and sends the metrics they put into `extra`. The metrics of the server itself are
sent in Rust then; with a `logger_class` derived from Statsd they are sent here. Nothing waits for the daemon.
"""

import contextlib
import ipaddress
import logging
import re
import socket
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ..address import parse_address
from ..glogging import Logger

METRIC_VAR = "metric"
VALUE_VAR = "value"
MTYPE_VAR = "mtype"
GAUGE_TYPE = "gauge"
COUNTER_TYPE = "counter"
HISTOGRAM_TYPE = "histogram"
TIMER_TYPE = "timer"

STATSD_PORT = 8125


class Statsd(Logger):
    """A logger that sends metrics."""

    sock: socket.socket | None = None
    prefix = ""
    dogstatsd_tags = ""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self.connect(cfg)

    def connect(self, cfg: Any) -> None:
        """Take prefix, tags and address from the settings. An address that cannot be reached sends
        nothing."""
        # A prefix of two characters or more gets one dot at its end; a shorter one stays as it is.
        self.prefix = re.sub(r"^(.+[^.]+)\.*$", r"\g<1>.", cfg.statsd_prefix or "")
        self.dogstatsd_tags = cfg.dogstatsd_tags or ""
        self.sock = None
        if cfg.statsd_host is None:
            return
        family, address = statsd_address(cfg.statsd_host)
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        try:
            sock.connect(address)
        except OSError:
            sock.close()
        else:
            self.sock = sock

    # What is logged is counted as well

    def critical(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level critical, and count it."""
        super().critical(msg, *args, **kwargs)
        self.increment("gunicorn.log.critical", 1)

    def error(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level error, and count it."""
        super().error(msg, *args, **kwargs)
        self.increment("gunicorn.log.error", 1)

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level warning, and count it."""
        super().warning(msg, *args, **kwargs)
        self.increment("gunicorn.log.warning", 1)

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log the exception being handled, and count it."""
        super().exception(msg, *args, **kwargs)
        self.increment("gunicorn.log.exception", 1)

    def info(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level info, and send the metric in `extra`."""
        self.log(logging.INFO, msg, *args, **kwargs)

    def debug(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level debug, and send the metric in `extra`."""
        self.log(logging.DEBUG, msg, *args, **kwargs)

    def log(self, lvl: int | str, msg: object, *args: object, **kwargs: Any) -> None:
        """Send the metric that `extra` describes by `metric`, `value` and `mtype`; log `msg` unless
        it is empty."""
        try:
            self._send_extra(kwargs.get("extra"))
            if msg:
                super().log(lvl, msg, *args, **kwargs)
        except Exception:
            super().warning("Failed to log to statsd", exc_info=True)

    def _send_extra(self, extra: Mapping[str, Any] | None) -> None:
        if extra is None:
            return
        name, value, kind = extra.get(METRIC_VAR), extra.get(VALUE_VAR), extra.get(MTYPE_VAR)
        senders = {
            GAUGE_TYPE: self.gauge,
            COUNTER_TYPE: self.increment,
            HISTOGRAM_TYPE: self.histogram,
            TIMER_TYPE: self.timer,
        }
        if name and value is not None and kind in senders:
            senders[kind](name, value)

    def access(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: timedelta) -> None:
        """Write the access line, and send duration, count and status of the request."""
        super().access(resp, req, environ, request_time)
        status = resp.status.decode() if isinstance(resp.status, bytes) else resp.status
        code = int(status.split(None, 1)[0]) if isinstance(status, str) else int(status)
        self.timer("gunicorn.request.duration", request_time / timedelta(milliseconds=1))
        self.increment("gunicorn.requests", 1)
        self.increment(f"gunicorn.request.status.{code}", 1)

    # The metrics

    def gauge(self, name: str, value: Any) -> None:
        """A number as it is now."""
        self._sock_send(f"{self.prefix}{name}:{value}|g")

    def increment(self, name: str, value: Any, sampling_rate: float = 1.0) -> None:
        """So many more."""
        self._sock_send(f"{self.prefix}{name}:{value}|c|@{sampling_rate}")

    def decrement(self, name: str, value: Any, sampling_rate: float = 1.0) -> None:
        """So many less."""
        self._sock_send(f"{self.prefix}{name}:-{value}|c|@{sampling_rate}")

    def timer(self, name: str, value: Any) -> None:
        """A duration in milliseconds."""
        self._sock_send(f"{self.prefix}{name}:{value}|ms")

    def histogram(self, name: str, value: Any) -> None:
        """A sample of a distribution."""
        self._sock_send(f"{self.prefix}{name}:{value}|h")

    def _sock_send(self, msg: str | bytes) -> None:
        datagram = msg.encode("utf-8", "replace") if isinstance(msg, str) else msg
        if self.dogstatsd_tags:
            datagram += b"|#" + self.dogstatsd_tags.encode("utf-8", "replace")
        if self.sock is None:
            return
        try:
            self.sock.send(datagram)
        except ConnectionRefusedError:
            # A connected UDP socket reports the previous datagram's fate here, and sends nothing.
            with contextlib.suppress(OSError):
                self.sock.send(datagram)
        except OSError:
            pass  # full, or gone: a metric is not worth a line


def statsd_address(host: Any) -> tuple[socket.AddressFamily, Any]:
    """Family and address that `statsd_host` means: a text, or what Gunicorn's validator makes of it."""
    if isinstance(host, tuple):
        name, port = host
    else:
        scheme, _, rest = str(host).partition(":")
        if scheme == "unix" and not rest.isdigit():
            return socket.AF_UNIX, rest.removeprefix("//")
        # `unix:NNN` is a host named unix, for the sake of old configurations.
        parsed = ("unix", int(rest)) if scheme == "unix" else parse_address(str(host), STATSD_PORT)
        name, port = parsed if isinstance(parsed, tuple) else ("", 0)
    try:
        is_v6 = ipaddress.ip_address(name).version == 6
    except ValueError:
        is_v6 = False
    return (socket.AF_INET6 if is_v6 else socket.AF_INET), (name, port)
