"""Writes the lines that a real Gunicorn 27.0.1 logs, one JSON object each, for the tests of this crate.

Run it with a Python that has gunicorn==27.0.1 installed:  python generate.py
It writes access.jsonl, error.jsonl and syslog.jsonl beside itself. The date, the zone and the pid are fixed; everything else
is Gunicorn's own code and the standard library's.
"""

import datetime
import json
import logging
import os
import pathlib
import socket
import tempfile
import time
import types

from gunicorn import __version__
from gunicorn.config import Config
from gunicorn.glogging import Logger

HERE = pathlib.Path(__file__).parent
PID = 4242
WINTER, SUMMER = 1767225599, 1785585600  # 2025-12-31 23:59:59 UTC, 2026-08-01 12:00:00 UTC

RECORDS = {
    "plain": dict(
        environ={
            "REMOTE_ADDR": "127.0.0.1", "REQUEST_METHOD": "GET", "RAW_URI": "/a/b?x=1&y=2", "PATH_INFO": "/a/b",
            "QUERY_STRING": "x=1&y=2", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_REFERER": "http://ref.test/",
            "HTTP_USER_AGENT": "curl/8.0", "wsgi.url_scheme": "http", "SERVER_PORT": "8000",
        },
        request=[("HOST", "a.test"), ("USER-AGENT", "curl/8.0"), ("X-REQUEST-ID", "abc"), ("X-TWICE", "1"), ("X-TWICE", "2")],
        response=[("Content-Type", "text/plain"), ("X-Trace", "t-1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")],
        status="200 OK", sent=1234, elapsed=[0, 1234],
    ),
    "sparse": dict(
        environ={
            "REMOTE_ADDR": "", "REQUEST_METHOD": "POST", "RAW_URI": "*", "PATH_INFO": "", "QUERY_STRING": "",
            "SERVER_PROTOCOL": "HTTP/1.0",
        },
        request=[], response=[], status="404 Not Found", sent=0, elapsed=[3, 0],
    ),
    "nothing": dict(
        environ={"REQUEST_METHOD": "PURGE", "RAW_URI": "/", "PATH_INFO": "/", "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1"},
        request=[], response=[], status="503 Service Unavailable", sent=None, elapsed=[86399, 999999],
    ),
    "quoted": dict(
        environ={
            "REMOTE_ADDR": "::1", "REQUEST_METHOD": "GET", "RAW_URI": "/say?\"hi\"", "PATH_INFO": "/say", "QUERY_STRING": "\"hi\"",
            "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_REFERER": "it's \"x\" \\", "HTTP_USER_AGENT": "caf\u00e9 \u00ff\u00a0",
            "HTTP_AUTHORIZATION": "Basic YWxpY2U6c2VjcmV0",
        },
        request=[("AUTHORIZATION", "Basic YWxpY2U6c2VjcmV0"), ("X-Q", "a\"b")],
        response=[("ETag", "\"v1\"")],
        status="201 Created", sent=18446744073709551615, elapsed=[61, 5],
    ),
    "stranger": dict(
        environ={
            "REMOTE_ADDR": "10.0.0.7", "REQUEST_METHOD": "GET", "RAW_URI": "/", "PATH_INFO": "/", "QUERY_STRING": "",
            "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_AUTHORIZATION": "Bearer x",
        },
        request=[("AUTHORIZATION", "Bearer x")], response=[], status="401 Unauthorized", sent=7, elapsed=[0, 0],
    ),
}

DEFAULT = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'
FORMATS = [
    DEFAULT,
    "%(h)s", "%(l)s", "%(u)s", "%(t)s", "%(r)s", "%(s)s", "%(m)s", "%(U)s", "%(q)s", "%(H)s", "%(b)s", "%(f)s", "%(a)s",
    "%(T)s", "%(M)s", "%(D)s", "%(L)s", "%(p)s", "%(T)s.%(D)s", "%(B)s", "%(B)d",
    "%({x-request-id}i)s %({X-Request-Id}I)s %({x-twice}i)s %({nothere}i)s",
    "%({content-type}o)s %({Set-Cookie}o)s %({etag}o)s %({nothere}o)s",
    "%({remote_addr}e)s %({REMOTE_ADDR}E)s %({wsgi.url_scheme}e)s %({nothere}e)s",
    "%({x}z)s %(z)s %()s %({)s %(hh)s %((h))s",
    "%%", "100%% %(s)s%%", "%(h)%", "%5%", "plain text", "", "umlaut \u00fc %(m)s",
    "[%(m)8s]", "[%(m)-8s]", "[%(m).2s]", "[%(m)8.2s]", "[%(m)-8.2s]", "[%(m)08s]", "[%(m)+s]", "[%(m)ls]",
    "[%(D)d]", "[%(D)6d]", "[%(D)-12d]", "[%(D)012d]", "[%(D)+d]", "[%(D) d]", "[%(D)i]", "[%(D)u]", "[%(D)ld]", "[%(D)s]",
    "[%(D)12s]", "[%(D).2s]", "[%(D).9d]", "[%(D)12.9d]", "[%(D)012.9d]", "[%(D)-012d]", "[%(D)+012d]", "[%(D)x]", "[%(D)X]",
    "[%(D)#x]", "[%(D)#012x]", "[%(D)o]", "[%(D)#o]", "[%(M)f]", "[%(M).0f]", "[%(M).1f]", "[%(M)#.0f]", "[%(M)12.3f]",
    "[%(M)012.3f]", "[%(M)-12.1f]", "[%(M)+.1F]", "[%(M)r]", "[%(M)a]",
    "%(m)r", "%(a)r", "%(f)r", "%(a)a", "[%(m)8r]", "[%(m).3r]", "%(t)r", "%(L)r", "%(nope)r", "%({x-q}i)r",
    '{"ip": "%(h)s", "status": "%(s)s", "bytes": "%(b)s"}',
    # broken, or of the wrong type: Gunicorn logs a traceback for each request
    "%", "abc %", "%(h", "%(h)", "%(h)5", "%(h)5.", "%(h)y", "%(h)*d", "%(h).*s", "%(h)\u00fc", "%(h)d", "%(h)x", "%(h)f", "%(z)d",
    "%({x-q}i)d", "%(l)d", "%(t)d", "%(p)d", "%s %s", "%d", "%(h)s %",
]


class FixedLogger(Logger):
    moment = SUMMER

    def now(self):
        return time.strftime("[%d/%b/%Y:%H:%M:%S %z]", time.localtime(self.moment))


class Capture(logging.Handler):
    lines = ()

    def emit(self, record):
        self.lines.append(self.format(record))


def use_zone(zone):
    os.environ["TZ"] = zone
    time.tzset()


def config(**settings):
    cfg = Config()
    for name, value in settings.items():
        cfg.set(name, value)
    return cfg


def access_row(logger, record_name, log_format, zone, moment):
    record = RECORDS[record_name]
    access, error = Capture(), Capture()
    access.lines, error.lines = [], []
    access.setFormatter(logging.Formatter(logger.access_fmt))
    logger.cfg.set("access_log_format", log_format)
    logger.access_log.handlers, logger.error_log.handlers = [access], [error]
    access.handleError = lambda record: error.lines.append("error")
    logger.moment = moment
    response = types.SimpleNamespace(status=record["status"], sent=record["sent"], headers=record["response"])
    request = types.SimpleNamespace(headers=record["request"])
    seconds, microseconds = record["elapsed"]
    logger.access(response, request, record["environ"], datetime.timedelta(seconds=seconds, microseconds=microseconds))
    line = access.lines[0] if access.lines and not error.lines else None
    return dict(record=record_name, format=log_format, zone=zone, time=moment, line=line)


def write_access():
    use_zone("UTC")
    logger = FixedLogger(config(accesslog="-"))
    rows = [dict(name=name, **record) for name, record in RECORDS.items()]
    rows += [access_row(logger, name, log_format, "UTC", SUMMER) for log_format in FORMATS for name in RECORDS]
    for zone in ["Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "America/Los_Angeles", "Pacific/Kiritimati"]:
        use_zone(zone)
        rows += [access_row(logger, "plain", DEFAULT, zone, moment) for moment in (WINTER, SUMMER)]
    return rows


MESSAGES = [
    ("info", "Starting gunicorn 27.0.1"),
    ("debug", ""),
    ("warning", "two\nlines"),
    ("error", "Error handling request /\nTraceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nValueError: \u00fc"),
    ("critical", "WORKER TIMEOUT (pid:7)"),
]


def log_record(level, message, moment):
    record = logging.LogRecord("gunicorn.error", getattr(logging, level.upper()), "a.py", 1, message, None, None)
    record.created, record.process = float(moment), PID
    return record


def write_error():
    formatter = logging.Formatter(Logger.error_fmt, Logger.datefmt)
    rows = []
    for zone in ["UTC", "Europe/Berlin", "America/St_Johns"]:
        use_zone(zone)
        for moment in (WINTER, SUMMER):
            for level, message in MESSAGES:
                line = formatter.format(log_record(level, message, moment))
                rows.append(dict(zone=zone, time=moment, level=level, message=message, line=line))
    return rows


def write_syslog():
    rows = []
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        path = folder + "/log"
        server.bind(path)
        for facility, prefix, proc_name in [("user", None, "my.app:app"), ("LOCAL3", "web", "x"), ("authpriv", None, "x")]:
            logger = Logger(config(
                errorlog="-", syslog=True, syslog_addr=f"unix://{path}#dgram", syslog_facility=facility,
                syslog_prefix=prefix, proc_name=proc_name,
            ))
            for kind, log in [("error", logger.error_log), ("access", logger.access_log)]:
                handler = next(h for h in log.handlers if hasattr(h, "facility"))
                for level, message in MESSAGES:
                    handler.emit(log_record(level, message, SUMMER))
                    frame = server.recv(65536).decode("utf-8")
                    rows.append(dict(
                        facility=facility, prefix=prefix, proc_name=proc_name, kind=kind, level=level, message=message, frame=frame,
                    ))
    return rows


def main():
    assert __version__ == "27.0.1", __version__
    os.getpid = lambda: PID
    for name, rows in [("access", write_access()), ("error", write_error()), ("syslog", write_syslog())]:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (HERE / f"{name}.jsonl").write_text(text, encoding="utf-8")


main()
