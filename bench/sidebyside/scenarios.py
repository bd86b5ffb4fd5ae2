"""The table of scenarios: which application, which shapes of server, which load, which figures count.

Called by session.py and report.py. A flat table; it runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sidebyside.peers import APP_ALONE, CONSTANT_LOOP, Peer, Shape

HELLO = b"Hello, world!"
SLEPT = b"slept"
FAST_S, SLOW_S, SLOW_SHARE = 0.002, 0.100, 0.05  # the lengths are apps/mixed_sleep.py's
TAIL_CLIENTS, TAIL_WORKERS = 8, 2
IDLE_CONNECTIONS = 10_000


class Load(Enum):
    """What asks the server."""

    WRK = "wrk"
    TAIL = "tail"  # sidebyside/tail.py
    IDLE = "idle"  # wrk beside the connections of sidebyside/idle.py


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One row. `time_factor` stretches the window where the figure is rare; `figures` are printed."""

    name: str
    title: str
    app: str
    body: bytes | None = HELLO
    path: str = "/"
    shapes: tuple[Shape, ...] = (Shape(),)
    connections: int = 64
    load: Load = Load.WRK
    time_factor: int = 1
    on_both_cores: bool = False
    baselines: tuple[Peer, ...] = ()
    figures: tuple[str, ...] = ("cpu_us", "user_us", "requests_per_s", "p99_ms", "pss_mib")
    is_default: bool = False


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="raw_hello",
        title="raw WSGI hello, 64 keep-alive connections, one worker",
        app="raw_hello:app",
        baselines=(CONSTANT_LOOP,),
        is_default=True,
    ),
    Scenario(
        name="flask_hello",
        title="Flask hello, 64 keep-alive connections, one worker",
        app="flask_hello:app",
        baselines=(APP_ALONE,),
        is_default=True,
    ),
    Scenario(
        name="threads4",
        title="raw WSGI hello with 4 threads, against the same server with one",
        app="raw_hello:app",
        shapes=(Shape("one thread"), Shape("4 threads", threads=4)),
    ),
    Scenario(
        name="sleep16",
        title="16 threads, an app that sleeps 10 ms, 64 connections (ideal: 1600 requests/s)",
        app="sleep_10ms:app",
        body=SLEPT,
        shapes=(Shape(threads=16),),
    ),
    Scenario(
        name="memory4",
        title="memory of 4 Flask workers, preloaded where the server can",
        app="flask_hello:app",
        shapes=(Shape(workers=4, preload=True),),
        figures=("worker_pss_mib", "pss_mib", "requests_per_s"),
    ),
    Scenario(
        name="tail2",
        title="2 one-thread workers, 8 keep-alive clients, 95 % 2 ms and 5 % 100 ms: the fast ones' p99",
        app="mixed_sleep:app",
        path="/fast",
        body=SLEPT,
        shapes=(Shape(workers=TAIL_WORKERS),),
        load=Load.TAIL,
        time_factor=4,
        figures=("fast_p99_over_ideal", "fast_p99_ms", "requests_per_s"),
    ),
    Scenario(
        name="scale2",
        title="CPU-bound Flask on both cores, two workers against one",
        app="flask_cpu:app",
        body=None,
        connections=16,
        shapes=(Shape("one worker"), Shape("2 workers", workers=2)),
        on_both_cores=True,
        figures=("requests_per_s", "cpu_us"),
    ),
    Scenario(
        name="idle10k",
        title="10,000 idle keep-alive connections beside raw hello on 64: memory of each, requests/s lost",
        app="raw_hello:app",
        shapes=(Shape(idle=IDLE_CONNECTIONS),),
        load=Load.IDLE,
        figures=("idle_rss_bytes", "lost_percent", "requests_per_s"),
    ),
)
