"""One run: one server, one scenario, one round. Returns figures by name, or raises Unavailable or LoadFailed.

Called by session.py. Owns the order of things (start, check the bytes, warm up, read the clocks, load, read
them again) and the arithmetic of one run; comparing runs is done in figures.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TypeVar

from sidebyside import proctree
from sidebyside.central_queue import Service, fast_latencies_s, percentile
from sidebyside.idle import IdleConnections, many_files
from sidebyside.load import LoadFailed, LoadResult, run_wrk
from sidebyside.peers import APP_ALONE, BENCH, Peer, Place, Shape, Unavailable, command_line
from sidebyside.scenarios import FAST_S, SLOW_S, TAIL_CLIENTS, TAIL_WORKERS, Load, Scenario
from sidebyside.server import RunningServer, Spec, free_port
from sidebyside.tail import run_clients

_R = TypeVar("_R")
IDEAL_REQUESTS = 200_000
QUIET_SAMPLE_S, QUIET_SHARE = 0.3, 0.1
APP_ALONE_GRACE_S = 60


@dataclass(frozen=True)
class Pace:
    """Lengths in seconds and the two cores."""

    measured_s: int
    warm_s: int
    server_cpu: int
    client_cpu: int
    quiet_wait_s: int = 0


@dataclass(frozen=True)
class Job:
    """What to run: one row of the peers' table in one shape, in one scenario."""

    scenario: Scenario
    peer: Peer
    shape: Shape

    @property
    def row(self) -> str:
        """The name of the row in the report."""
        return f"{self.peer.name}, {self.shape.label}" if self.shape.label else self.peer.name


@dataclass(frozen=True)
class Outcome:
    """The figures of one run and the command line that gave them, without this machine's paths."""

    figures: dict[str, float]
    command: str


def environment(peer: Peer, place: Place) -> dict[str, str]:
    """A server's whole environment: nothing of the caller's (WEB_CONCURRENCY, PORT, PYTHON*) leaks in."""
    path = f"{place.venv / 'bin'}:{os.environ.get('PATH', os.defpath)}"
    return {"PATH": path, "LANG": "C.UTF-8", "PYTHONPATH": str(BENCH / "apps"), **peer.env}


def run(job: Job, place: Place, pace: Pace) -> Outcome:
    """Runs `job` once."""
    busy_before = _await_quiet(pace)
    if job.peer is APP_ALONE:
        outcome = _run_app_alone(job, place, pace)
    else:
        with many_files(job.shape.idle) if job.shape.idle else nullcontext():
            outcome = _run_server(job, place, pace)
    outcome.figures["busy_before"] = busy_before
    return outcome


def _run_server(job: Job, place: Place, pace: Pace) -> Outcome:
    port = free_port()
    argv = command_line(job.peer, job.shape, place, job.scenario.app, port)
    cpus = f"{pace.server_cpu},{pace.client_cpu}" if job.scenario.on_both_cores else str(pace.server_cpu)
    spec = Spec(argv, environment(job.peer, place), str(BENCH / "apps"), cpus, port)
    with RunningServer(spec) as server:
        answer_bytes = server.verify(job.scenario.path, job.scenario.body)
        figures = UNDER[job.scenario.load](server, job, pace)
    figures["answer_bytes"] = answer_bytes
    shown = command_line(job.peer, job.shape, place, job.scenario.app, port="PORT")
    return Outcome(figures, place.public(f"taskset -c {cpus} {' '.join(shown)}"))


def _await_quiet(pace: Pace) -> float:
    """Waits for other work on the two cores to pause, as long as the pace allows.

    Returns how busy the busier of them was in the end, from 0 to 1, while the bench itself did nothing.
    """
    deadline = time.monotonic() + pace.quiet_wait_s
    while True:
        share = proctree.busiest_share((pace.server_cpu, pace.client_cpu), QUIET_SAMPLE_S)
        if share <= QUIET_SHARE or time.monotonic() >= deadline:
            return share


def _under_wrk(server: RunningServer, job: Job, pace: Pace) -> dict[str, float]:
    url = f"http://127.0.0.1:{server.port}{job.scenario.path}"
    connections = job.scenario.connections
    run_wrk(url, pace.warm_s, connections, pace.client_cpu)
    measured_s = pace.measured_s * job.scenario.time_factor
    load, costs = _costing(server, pace, lambda: run_wrk(url, measured_s, connections, pace.client_cpu))
    return {
        "requests": load.requests,
        "requests_per_s": per_s(load),
        "p50_ms": load.p50_ms,
        "p99_ms": load.p99_ms,
        "max_ms": load.max_ms,
        "cpu_us": (costs["user_s"] + costs["system_s"]) * 1e6 / load.requests,
        "user_us": costs["user_s"] * 1e6 / load.requests,
        **_memory(server, job),
        **_disturbance(costs),
    }


def _under_tail(server: RunningServer, job: Job, pace: Pace) -> dict[str, float]:
    service = Service.measured(FAST_S, SLOW_S)
    ideal_s = percentile(fast_latencies_s(service, TAIL_CLIENTS, TAIL_WORKERS, IDEAL_REQUESTS), 0.99)
    measured_s = pace.measured_s * job.scenario.time_factor
    seen, costs = _costing(
        server, pace, lambda: run_clients(server.port, TAIL_CLIENTS, pace.warm_s, measured_s)
    )
    p99_s = percentile(seen.fast_s, 0.99)
    return {
        "requests": len(seen.fast_s) + len(seen.slow_s),
        "requests_per_s": (len(seen.fast_s) + len(seen.slow_s)) / measured_s,
        "fast_p99_ms": p99_s * 1e3,
        "ideal_fast_p99_ms": ideal_s * 1e3,
        "fast_p99_over_ideal": p99_s / ideal_s,
        "reconnects": seen.reconnects,
        **_disturbance(costs),
    }


def _under_idle(server: RunningServer, job: Job, pace: Pace) -> dict[str, float]:
    """Alone, beside the idle connections, alone again: the machine's drift is the same on both sides."""
    url = f"http://127.0.0.1:{server.port}{job.scenario.path}"

    def load(seconds: int) -> LoadResult:
        return run_wrk(url, seconds, job.scenario.connections, pace.client_cpu)

    load(pace.warm_s)
    first = load(pace.measured_s)
    rss_before = server.rss_bytes()
    with IdleConnections(server.port, job.scenario.path, job.shape.idle) as idle:
        rss_bytes = server.rss_bytes() - rss_before
        beside, costs = _costing(server, pace, lambda: load(pace.measured_s))
        if closed := idle.closed():
            raise LoadFailed(f"the server closed {closed} of {job.shape.idle} idle connections")
    load(pace.warm_s)  # while it runs, the server sees the connections end
    alone = (per_s(first) + per_s(load(pace.measured_s))) / 2
    return {
        "requests": beside.requests,
        "requests_per_s": per_s(beside),
        "alone_requests_per_s": alone,
        "lost_percent": 100 * (1 - per_s(beside) / alone),
        "idle_rss_bytes": rss_bytes / job.shape.idle,
        **_disturbance(costs),
    }


def per_s(load: LoadResult) -> float:
    return load.requests / load.duration_s


UNDER = {Load.WRK: _under_wrk, Load.TAIL: _under_tail, Load.IDLE: _under_idle}


def _disturbance(costs: Mapping[str, float]) -> dict[str, float]:
    """How busy the server was (1.0: one core), and the share of both cores that others used."""
    return {name: costs[name] for name in ("server_busy", "foreign_busy")}


def _costing(server: RunningServer, pace: Pace, load: Callable[[], _R]) -> tuple[_R, dict[str, float]]:
    """Runs `load` between two readings of the clocks."""
    before = _clocks(server, pace)
    result = load()
    spent = {name: value - before[name] for name, value in _clocks(server, pace).items()}
    server_s = spent["user_s"] + spent["system_s"]
    if server_s <= 0:
        raise LoadFailed("the server used no CPU time: its processes were not found")
    foreign_s = max(0.0, spent["cores_s"] - server_s - spent["client_s"])
    wall_s = spent["wall_s"]
    return result, {**spent, "server_busy": server_s / wall_s, "foreign_busy": foreign_s / wall_s / 2}


def _clocks(server: RunningServer, pace: Pace) -> dict[str, float]:
    """CPU seconds so far: the server's, the client's (this process and wrk), the two cores'; and the time."""
    user_s, system_s = server.cpu_s()
    own = os.times()
    return {
        "user_s": user_s,
        "system_s": system_s,
        "client_s": own.user + own.system + own.children_user + own.children_system,
        "wall_s": time.monotonic(),
        "cores_s": proctree.cpu_busy_s(pace.server_cpu) + proctree.cpu_busy_s(pace.client_cpu),
    }


def _memory(server: RunningServer, job: Job) -> dict[str, float]:
    """`worker_pss_mib` is the largest worker's; workers are the largest processes beside the first."""
    root, *others = server.pss_mib().values()
    workers = sorted(others, reverse=True)[: job.shape.workers]
    return {"pss_mib": root + sum(others), "worker_pss_mib": workers[0] if workers else root}


def _run_app_alone(job: Job, place: Place, pace: Pace) -> Outcome:
    argv = command_line(job.peer, job.shape, place, job.scenario.app, port=0)
    argv = ["taskset", "-c", str(pace.server_cpu), *argv]
    try:
        done = subprocess.run(
            [*argv, str(pace.measured_s)],
            env=environment(job.peer, place),
            capture_output=True,
            text=True,
            timeout=pace.measured_s + APP_ALONE_GRACE_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        words = (error.stderr.strip().splitlines() or ["no output"])[-1]
        raise Unavailable(f"ended with status {error.returncode}: {words}") from None
    except subprocess.TimeoutExpired:
        raise LoadFailed("did not end in time") from None
    report = json.loads(done.stdout)
    figures = {"requests": report["calls"], "cpu_us": report["cpu_us"], "user_us": report["user_us"]}
    return Outcome(figures, place.public(" ".join(argv)) + " SECONDS")
