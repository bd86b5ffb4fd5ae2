"""The table of targets: what the design promises, and how each promise is read out of the runs.

Called by report.py. Every value is computed per round, then the median is judged. Promises this bench cannot
judge are rows too, with the reason, so that their absence is seen. Whether the runs may be judged at all is
decided by command.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from sidebyside.figures import ByRound, Span, differences, ratios, rows, values
from sidebyside.peers import APP_ALONE, CONSTANT_LOOP, TRICORN

Runs = Sequence[Mapping[str, Any]]
IDEAL_SLEEP16_REQUESTS_PER_S = 1600.0  # 16 threads / 10 ms


@dataclass(frozen=True)
class Reading:
    """The values of a target by round, and beside whom (where that is decided by the runs)."""

    by_round: ByRound
    beside: str = ""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One row. `read` is None where this bench cannot judge it: `why_not` says so."""

    text: str
    scenario: str = ""
    limit: float = 0.0
    at_most: bool = True
    unit: str = "x"
    read: Callable[[Runs], Reading] | None = None
    why_not: str = ""


def _against_best_peer(runs: Runs) -> Reading:
    """The ratios to the peer beside which Tricorn looks worst.

    The best peer is found by its ratios, never by its own figures: those drift with the machine from round to
    round, by more than the servers differ. One that ran in less than half of our rounds is not compared.
    """
    ours = _ours(runs, "raw_hello", "cpu_us")
    peers = (row for row in rows(runs, "raw_hello") if row not in (TRICORN.name, CONSTANT_LOOP.name))
    by_peer = {peer: ratios(ours, values(runs, "raw_hello", peer, "cpu_us")) for peer in peers}
    compared = {peer: found for peer, found in by_peer.items() if found and 2 * len(found) >= len(ours)}
    if not compared:
        return Reading({})
    best = max(compared, key=lambda peer: median(compared[peer].values()))
    return Reading(compared[best], best)


def _ours(runs: Runs, scenario: str, figure: str, shape: str = "") -> dict[int, float]:
    return values(runs, scenario, f"{TRICORN.name}, {shape}" if shape else TRICORN.name, figure)


def _above(scenario: str, baseline: str) -> Callable[[Runs], Reading]:
    def read(runs: Runs) -> Reading:
        return Reading(
            differences(_ours(runs, scenario, "user_us"), values(runs, scenario, baseline, "user_us")),
            baseline,
        )

    return read


def _shape_ratio(scenario: str, many: str, one: str) -> Callable[[Runs], Reading]:
    def read(runs: Runs) -> Reading:
        above, below = (_ours(runs, scenario, "requests_per_s", shape) for shape in (many, one))
        return Reading(ratios(above, below))

    return read


def _sleep16(runs: Runs) -> Reading:
    ours = _ours(runs, "sleep16", "requests_per_s")
    return Reading({number: value / IDEAL_SLEEP16_REQUESTS_PER_S for number, value in ours.items()})


def _tail2(runs: Runs) -> Reading:
    return Reading(_ours(runs, "tail2", "fast_p99_over_ideal"))


def _idle(figure: str) -> Callable[[Runs], Reading]:
    return lambda runs: Reading(_ours(runs, "idle10k", figure))


def _worker_memory_mb(runs: Runs) -> Reading:
    ours = _ours(runs, "memory4", "worker_pss_mib")
    return Reading({number: value * 1.048576 for number, value in ours.items()})


TARGETS: tuple[Target, ...] = (
    Target(
        text="raw WSGI hello, CPU per request, against the best peer",
        scenario="raw_hello",
        limit=0.9,
        read=_against_best_peer,
    ),
    Target(
        text="raw WSGI hello, user CPU per request above a loop without Python",
        scenario="raw_hello",
        limit=3.0,
        unit="us",
        read=_above("raw_hello", CONSTANT_LOOP.name),
    ),
    Target(
        text="Flask hello, user CPU per request above the app alone",
        scenario="flask_hello",
        limit=6.0,
        unit="us",
        read=_above("flask_hello", APP_ALONE.name),
    ),
    Target(
        text="4 threads on the GIL, raw hello, requests/s against our own sync",
        scenario="threads4",
        limit=0.85,
        at_most=False,
        read=_shape_ratio("threads4", "4 threads", "one thread"),
    ),
    Target(
        text="16 threads, app sleeps 10 ms, 64 clients, requests/s against the ideal 1600",
        scenario="sleep16",
        limit=0.97,
        at_most=False,
        read=_sleep16,
    ),
    Target(
        text="CPU-bound Flask, 2 processes against one, requests/s",
        scenario="scale2",
        limit=1.9,
        at_most=False,
        read=_shape_ratio("scale2", "2 workers", "one worker"),
    ),
    Target(
        text="two one-thread workers, p99 of the fast requests against a central queue",
        scenario="tail2",
        limit=1.10,
        read=_tail2,
    ),
    Target(
        text="memory (PSS) of each of 4 preloaded Flask workers",
        scenario="memory4",
        limit=9.0,
        unit="MB",
        read=_worker_memory_mb,
    ),
    Target(
        text="10,000 idle keep-alive connections, RSS of each",
        scenario="idle10k",
        limit=1024.0,
        unit="bytes",
        read=_idle("idle_rss_bytes"),
    ),
    Target(
        text="10,000 idle keep-alive connections, requests/s lost",
        scenario="idle10k",
        limit=3.0,
        unit="%",
        read=_idle("lost_percent"),
    ),
    Target(
        text="2 interpreters, 2 free threads, against one",
        why_not="those workers are not rows of this bench yet",
    ),
    Target(text="memory of each own-GIL interpreter", why_not="those workers are not rows of this bench yet"),
    Target(
        text="reload under load; kill -9 of a worker",
        why_not="counts failures: tests/ judges it, not a bench",
    ),
)


@dataclass(frozen=True)
class Verdict:
    """`is_met` is None where it was not judged; `words` is what the report prints."""

    target: Target
    is_met: bool | None
    words: str


def judge(target: Target, runs: Runs, obstacle: str | None = None) -> Verdict:
    """Judges the median over rounds. `obstacle`: why nothing of this session can be judged, or None."""
    if target.read is None:
        return Verdict(target, None, f"not judged: {target.why_not}")
    reading = target.read(runs)
    span = Span.of(reading.by_round)
    if span is None:
        return Verdict(target, None, f"not judged: no round of {target.scenario} has all that it needs")
    rounds = "1 round" if span.rounds == 1 else f"{span.rounds} rounds"
    measured = f"{span.median:.2f} {target.unit} ({span.least:.2f} to {span.greatest:.2f}, {rounds})"
    if reading.beside:
        measured += f" beside {reading.beside}"
    if obstacle is not None:
        return Verdict(target, None, f"no verdict: {obstacle}: {measured}")
    short = span.median - target.limit if target.at_most else target.limit - span.median
    if short <= 0:
        return Verdict(target, True, f"reached: {measured}")
    words = f"not reached, short by {short:.2f} {target.unit} ({short / target.limit:.0%}): {measured}"
    return Verdict(target, False, words)
