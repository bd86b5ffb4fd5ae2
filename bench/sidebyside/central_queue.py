"""The ideal of the tail scenario: one queue in front of all workers, first come first served, no overhead.

Called by measure.py. A simulation in simulated time, closed loop: each client asks again the moment it is
answered.
"""

from __future__ import annotations

import heapq
import math
import random
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from sidebyside.scenarios import SLOW_SHARE


@dataclass(frozen=True)
class Service:
    """How long the two kinds of request occupy a worker, in seconds."""

    fast_s: float
    slow_s: float

    @classmethod
    def measured(cls, fast_s: float, slow_s: float) -> Service:
        """What sleeps of these lengths take here: a sleep always overshoots, and the ideal must too."""
        return cls(fast_s=_sleep_length_s(fast_s, 100), slow_s=_sleep_length_s(slow_s, 5))


def _sleep_length_s(seconds: float, times: int) -> float:
    lengths = []
    for _ in range(times):
        before = time.perf_counter()
        time.sleep(seconds)
        lengths.append(time.perf_counter() - before)
    return median(lengths)


def kinds(seed: str) -> Iterator[bool]:
    """One client's endless row of requests: True is a slow one. The measured clients use the same rows."""
    chance = random.Random(seed)
    while True:
        yield chance.random() < SLOW_SHARE


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; `share` in (0, 1]."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def fast_latencies_s(service: Service, clients: int, workers: int, requests: int) -> list[float]:
    """How long each of the fast ones among `requests` requests takes, waiting included."""
    rows = [kinds(f"ideal {client}") for client in range(clients)]
    waiting: deque[tuple[float, int]] = deque((0.0, client) for client in range(clients))
    running: list[tuple[float, float, int, bool]] = []  # end, asked at, client, is slow
    latencies: list[float] = []
    now = 0.0
    for _ in range(requests):
        while waiting and len(running) < workers:
            asked, client = waiting.popleft()
            is_slow = next(rows[client])
            length = service.slow_s if is_slow else service.fast_s
            heapq.heappush(running, (now + length, asked, client, is_slow))
        now, asked, client, is_slow = heapq.heappop(running)
        if not is_slow:
            latencies.append(now - asked)
        waiting.append((now, client))
    return latencies
