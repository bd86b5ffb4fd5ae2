"""The load of the throughput scenarios: wrk, one thread, pinned to the client's core.

Called by measure.py. Owns wrk's command line and the reading of what it prints; knows nothing about servers.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("wrk_report.lua")
GRACE_S = 20  # what wrk may take beyond its own duration before it is ended


class LoadFailed(Exception):
    """wrk did not deliver a result that may be used; the text says why."""


@dataclass(frozen=True)
class LoadResult:
    """What the clients saw. Latencies in milliseconds."""

    requests: int
    duration_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float


def parse_report(output: str) -> LoadResult:
    """Reads the line wrk_report.lua prints.

    Raises LoadFailed where a request failed, for a failure would count as a fast answer.
    """
    line = next((line for line in output.splitlines() if line.startswith("wrk-report ")), None)
    if line is None:
        raise LoadFailed(f"wrk printed no report: {output.strip()[-200:]}")
    report = json.loads(line.removeprefix("wrk-report "))
    failed = {name: count for name, count in report["errors"].items() if count}
    if failed:
        raise LoadFailed("wrk saw errors: " + ", ".join(f"{count} {name}" for name, count in failed.items()))
    if report["requests"] == 0:
        raise LoadFailed("wrk got no answer")
    return LoadResult(
        requests=report["requests"],
        duration_s=report["duration_us"] / 1e6,
        p50_ms=report["p50_us"] / 1e3,
        p99_ms=report["p99_us"] / 1e3,
        max_ms=report["max_us"] / 1e3,
    )


def run_wrk(url: str, seconds: int, connections: int, cpu: int) -> LoadResult:
    command = [
        "taskset",
        "-c",
        str(cpu),
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "10s",
    ]
    command += ["-s", str(SCRIPT), url]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + GRACE_S, check=False)
    except subprocess.TimeoutExpired:
        raise LoadFailed(f"wrk did not end within {seconds + GRACE_S} s") from None
    return parse_report(done.stdout + done.stderr)
