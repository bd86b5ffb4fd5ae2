"""Metrics: names, types and tags on the wire, as Gunicorn sends them, whoever sends them here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import Datagrams, Server

Serve = Callable[..., Server]

DICT = "logconfig_dict = {'version': 1}\n"
OWN_CLASS = """
from gunicorn.instrument.statsd import Statsd
class Own(Statsd):
    pass
logger_class = Own
"""
OWN_WORKER = """
from gunicorn.workers.sync import SyncWorker
class Own(SyncWorker):
    pass
worker_class = Own
"""
SENDERS = {
    "native": "",
    "threads": "threads = 3\n",
    "logconfig": DICT,
    "subclass": OWN_CLASS,
    "own worker": OWN_WORKER,
}


@pytest.fixture
def statsd() -> Iterator[Datagrams]:
    with Datagrams() as daemon:
        yield daemon


def get(server: Server, count: int) -> None:
    """So many requests, each on a connection of its own: Gunicorn's sync worker keeps none."""
    for _ in range(count):
        with server.client() as client:
            assert client.get("/").status == 200


def settings(tmp_path: Path, source: str) -> tuple[str, str]:
    config = tmp_path / "settings.py"
    config.write_text(source)
    return "-c", str(config)


@pytest.mark.parametrize("source", SENDERS.values(), ids=SENDERS)
def test_a_request_is_three_metrics(serve: Serve, statsd: Datagrams, tmp_path: Path, source: str) -> None:
    options = ("--statsd-host", statsd.address, "--statsd-prefix", "shop", "--dogstatsd-tags", "env:test,a:b")
    server = serve(*settings(tmp_path, source), *options, "hello:app")
    get(server, 2)
    statsd.wait_for(r"shop\.gunicorn\.request\.status\.200:1\|c\|@1\.0\|#env:test,a:b", count=2)
    requests = [text for text in statsd.all() if ".request" in text]
    expected = [
        r"shop\.gunicorn\.request\.duration:\d+\.\d+\|ms\|#env:test,a:b",
        r"shop\.gunicorn\.requests:1\|c\|@1\.0\|#env:test,a:b",
        r"shop\.gunicorn\.request\.status\.200:1\|c\|@1\.0\|#env:test,a:b",
    ] * 2
    assert len(requests) == len(expected)
    for text, pattern in zip(requests, expected, strict=True):
        assert re.fullmatch(pattern, text), text


@pytest.mark.parametrize("source", SENDERS.values(), ids=SENDERS)
def test_an_exception_is_counted(serve: Serve, statsd: Datagrams, tmp_path: Path, source: str) -> None:
    server = serve(*settings(tmp_path, source), "--statsd-host", statsd.address, "raises:app")
    with server.client() as client:
        assert client.get("/").status == 500
    statsd.wait_for(r"gunicorn\.request\.status\.500:1\|c\|@1\.0")
    statsd.wait_for(r"gunicorn\.log\.exception:1\|c\|@1\.0")
    assert statsd.matching(r"gunicorn\.log\.error:.*") == []


@pytest.mark.parametrize("source", ["", DICT, OWN_CLASS], ids=["native", "logconfig", "subclass"])
def test_workers_are_a_gauge(serve: Serve, statsd: Datagrams, tmp_path: Path, source: str) -> None:
    serve(*settings(tmp_path, source), "--statsd-host", statsd.address, "-w", "2", "hello:app", workers=2)
    statsd.wait_for(r"gunicorn\.workers:2\|g")


@pytest.mark.parametrize("source", ["", DICT], ids=["native", "logconfig"])
def test_the_backlog_is_a_histogram(serve: Serve, statsd: Datagrams, tmp_path: Path, source: str) -> None:
    options = ("--statsd-host", statsd.address, "--enable-backlog-metric")
    serve(*settings(tmp_path, source), *options, "hello:app")
    statsd.wait_for(r"gunicorn\.backlog:\d+\|h", count=2)


def test_no_backlog_unless_asked(serve: Serve, statsd: Datagrams) -> None:
    server = serve("--statsd-host", statsd.address, "hello:app")
    assert server.terminate() == 0
    assert statsd.matching(r"gunicorn\.backlog:.*") == []


HOOK = """
def post_worker_init(worker):
    log = worker.log
    log.info("a line", extra={"metric": "own.gauge", "value": 0, "mtype": "gauge"})
    log.debug("", extra={"metric": "own.counter", "value": 7, "mtype": "counter"})
    log.log("info", "", extra={"metric": "own.histogram", "value": 1.5, "mtype": "histogram"})
    log.info("", extra={"metric": "own.timer", "value": 12, "mtype": "timer"})
    log.info("", extra={"metric": "own.unknown", "value": 1, "mtype": "set"})
    log.warning("careful")
    log.error("wrong")
    log.critical("very wrong")
    log.increment("own.direct", 2)
    log.gauge("end", 1)
"""


@pytest.mark.parametrize("source", ["", DICT, OWN_CLASS], ids=["native", "logconfig", "subclass"])
def test_the_loggers_own_metrics(serve: Serve, statsd: Datagrams, tmp_path: Path, source: str) -> None:
    server = serve(*settings(tmp_path, source + HOOK), "--statsd-host", statsd.address, "hello:app")
    statsd.wait_for(r"end:1\|g")
    own = [text for text in statsd.all() if text.startswith(("own.", "gunicorn.log."))]
    assert own == [
        "own.gauge:0|g",
        "own.counter:7|c|@1.0",
        "own.histogram:1.5|h",
        "own.timer:12|ms",
        "gunicorn.log.warning:1|c|@1.0",
        "gunicorn.log.error:1|c|@1.0",
        "gunicorn.log.critical:1|c|@1.0",
        "own.direct:2|c|@1.0",
    ]
    server.stderr.wait_for("a line")


def test_a_unix_socket(serve: Serve, tmp_path: Path) -> None:
    with Datagrams(tmp_path / "statsd.sock") as daemon:
        server = serve("--statsd-host", daemon.address, "hello:app")
        with server.client() as client:
            assert client.get("/").status == 200
        daemon.wait_for(r"gunicorn\.requests:1\|c\|@1\.0")


@pytest.mark.parametrize("address", ["unix:///no/such/folder/statsd", "no.such.host.invalid:8125"])
def test_a_daemon_that_is_not_there_costs_nothing(serve: Serve, address: str) -> None:
    server = serve("--statsd-host", address, "hello:app")
    get(server, 20)
    assert server.terminate() == 0
    text = server.stderr.text()
    assert "Traceback" not in text
    assert 1 <= text.count("[WARNING]") <= 3  # once per process


def test_requests_are_not_lost_at_the_end(serve: Serve, statsd: Datagrams) -> None:
    server = serve("--statsd-host", statsd.address, "hello:app")
    get(server, 50)
    assert server.terminate() == 0
    statsd.wait_for(r"gunicorn\.requests:1\|c\|@1\.0", count=50)
