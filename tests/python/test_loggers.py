"""The logger class that others derive from, without a server: atoms, files, streams, statsd addresses."""

import logging
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tricorn.glogging import Logger, SafeAtoms, parse_syslog_address
from tricorn.instrument.statsd import Statsd, statsd_address

DEFAULTS = {
    "loglevel": "info",
    "errorlog": "-",
    "accesslog": None,
    "syslog": False,
    "logconfig": None,
    "logconfig_dict": {},
    "logconfig_json": None,
    "capture_output": False,
    "disable_redirect_access_to_syslog": False,
    "access_log_format": "%(h)s",
    "statsd_host": None,
    "statsd_prefix": "",
    "dogstatsd_tags": "",
    "uid": 0,
    "gid": 0,
}


def cfg(**values: Any) -> SimpleNamespace:
    return SimpleNamespace(**{**DEFAULTS, **values})


@pytest.fixture(autouse=True)
def _loggers_are_left_as_they_were() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (None, "gunicorn.error", "gunicorn.access")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        for handler in logger.handlers:
            if handler not in handlers:
                handler.close()
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


ENVIRON = {
    "REQUEST_METHOD": "GET",
    "RAW_URI": "/a?b",
    "PATH_INFO": "/a",
    "QUERY_STRING": "b",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "192.0.2.1",
    "HTTP_AUTHORIZATION": "Basic dXNlcjpwdw==",
    "Own.Value": 'with "quotes"',
}
RESPONSE = SimpleNamespace(status="200 OK", headers=[("X-App", "one")], sent=0)
REQUEST = SimpleNamespace(headers=[("X-ONE", "1"), ("X-ONE", "2")])


@pytest.mark.parametrize(
    ("atom", "expected"),
    [
        ("h", "192.0.2.1"),
        ("l", "-"),
        ("u", "user"),
        ("r", "GET /a?b HTTP/1.1"),
        ("s", "200"),
        ("b", "0"),
        ("B", 0),
        ("f", "-"),
        ("T", 90_061),
        ("M", 90_061_002),
        ("D", 90_061_002_003),
        ("L", "90061.002003"),
        ("{X-One}i", "2"),
        ("{x-APP}o", "one"),
        ("{own.value}e", 'with \\"quotes\\"'),
        ("{missing}i", "-"),
        ("missing", "-"),
    ],
)
def test_an_atom(atom: str, expected: object) -> None:
    """Durations do not begin again at zero after a day."""
    elapsed = timedelta(days=1, hours=1, minutes=1, seconds=1, microseconds=2003)
    atoms = SafeAtoms(Logger(cfg()).atoms(RESPONSE, REQUEST, ENVIRON, elapsed))
    assert atoms[atom] == expected


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Bearer dXNlcjpwdw==", "Basic /w=="])
def test_credentials_that_name_nobody(header: str) -> None:
    environ = {**ENVIRON, "HTTP_AUTHORIZATION": header}
    atoms = Logger(cfg()).atoms(RESPONSE, REQUEST, environ, timedelta())
    assert atoms["u"] == "-"


def test_setup_again_does_not_stack_handlers(tmp_path: Path) -> None:
    logger = Logger(cfg(errorlog=str(tmp_path / "one")))
    own = logging.NullHandler()
    logger.error_log.addHandler(own)
    logger.setup(cfg(errorlog=str(tmp_path / "two")))
    logger.error("once")
    assert (tmp_path / "one").read_text() == ""
    assert (tmp_path / "two").read_text().count("once") == 1
    assert own in logger.error_log.handlers


def test_usr1_reopens_the_root_loggers_files_too(tmp_path: Path) -> None:
    path, old = tmp_path / "root", tmp_path / "old"
    handler = logging.FileHandler(path)
    logging.getLogger().addHandler(handler)
    logger = Logger(cfg())
    path.rename(old)
    logger.reopen_files()
    logging.getLogger().error("after")
    assert "after" in path.read_text()
    assert old.read_text() == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unix:///dev/log", (None, "/dev/log")),
        ("unix:///dev/log#dgram", (socket.SOCK_DGRAM, "/dev/log")),
        ("udp://host:5", (socket.SOCK_DGRAM, ("host", 5))),
        ("tcp://HOST", (socket.SOCK_STREAM, ("host", 514))),
        ("udp://", (socket.SOCK_DGRAM, ("localhost", 514))),
        ("tcp://[::1]:7", (socket.SOCK_STREAM, ("::1", 7))),
    ],
)
def test_a_syslog_address(text: str, expected: object) -> None:
    assert parse_syslog_address(text) == expected


@pytest.mark.parametrize("text", ["host:514", "udp://host:port"])
def test_no_syslog_address(text: str) -> None:
    with pytest.raises(RuntimeError):
        parse_syslog_address(text)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:9", (socket.AF_INET, ("localhost", 9))),
        ("localhost", (socket.AF_INET, ("localhost", 8125))),
        ("[::1]:9", (socket.AF_INET6, ("::1", 9))),
        ("unix:///run/statsd", (socket.AF_UNIX, "/run/statsd")),
        ("unix:9", (socket.AF_INET, ("unix", 9))),
        (("192.0.2.1", 9), (socket.AF_INET, ("192.0.2.1", 9))),
    ],
)
def test_a_statsd_address(host: object, expected: object) -> None:
    assert statsd_address(host) == expected


def test_a_statsd_logger_without_a_daemon_only_logs(tmp_path: Path) -> None:
    logger = Statsd(cfg(errorlog=str(tmp_path / "log"), statsd_host=f"unix://{tmp_path}/nobody"))
    logger.warning("careful")
    logger.decrement("own", 1)
    assert "careful" in (tmp_path / "log").read_text()
