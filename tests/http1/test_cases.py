"""Every HTTP/1 case against the running server: in one write, and in pieces of 1, 2, 3 and 7 bytes.

After each case: what reached the application, worker pids unchanged, no traceback and no raw control byte
in any log. Both worker classes run all cases. One server per group of options lives as long as the test
session.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import Server, wait_until
from http1 import judge
from http1.cases import (
    GROUPS,
    Case,
    group_of,
    load_cases,
    load_later,
    may_log_traceback,
    needs_more_than_wsgi,
)
from http1.events import Event, Events
from http1.play import Observed, Player

MODES = {"sync": ("-k", "sync"), "gthread": ("-k", "gthread", "--threads", "4")}
PASSES = {0: "whole", 1: "in 1", 2: "in 2", 3: "in 3", 7: "in 7"}
LATER = load_later()
CASES = [case for case in load_cases() if case["id"] not in LATER]
_MEASUREMENTS = 3
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_TRACEBACK = re.compile(rb"Traceback \(most recent call last\)|panicked at")


class Bench:
    """A server with the oracle behind it, and what has been read of its logs so far."""

    def __init__(self, mode: str, group: str, folder: Path) -> None:
        self.events = Events(folder / "events.jsonl")
        self.server = Server(
            *MODES[mode],
            *GROUPS[group],
            *("--access-logfile", "-"),
            "oracle:app",
            env={"ORACLE_EVENTS": str(self.events.path)},
        )
        self.recycles_workers = group == "max-requests"
        self._read = {"stdout": 0, "stderr": 0}
        self.workers = self.server.wait_workers(1)

    def new_log(self) -> bytes:
        """What both streams got since the last call."""
        new = b""
        for name in self._read:
            piece = getattr(self.server, name).raw(self._read[name])
            self._read[name] += len(piece)
            new += piece
        return new

    def play(self, case: Case, piece_bytes: int) -> tuple[Observed, list[Event]]:
        """One pass of a case: what the client and what the application saw."""
        mark = self.events.mark()
        seen = Player(case, self.server.address, piece_bytes).play()
        if seen.ending == "dropped" and any("read" in step for step in case["steps"]):
            wait_until(
                lambda: any(event["event"] == "close" for event in self.events.since(mark, seen.port)),
                f"close() after the client left ({case['id']})",
                deadline_s=3.0,
            )
        return seen, self.events.since(mark, seen.port)

    def quickest_ms(self, case: Case) -> float:
        """How long the answer takes when nothing else is asked."""
        played = [self.play(case, 0)[0] for _ in range(_MEASUREMENTS)]
        return min(float("inf") if seen.error else seen.answer_ms for seen in played)


@pytest.fixture(scope="session")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Bench]]:
    """The servers of this session, by mode and group, started when first needed."""
    started: dict[tuple[str, str], Bench] = {}
    yield started
    for bench in started.values():
        bench.server.close()
    for key, bench in started.items():
        assert not _CONTROL.search(bench.new_log()), f"a raw control byte in the last log lines of {key}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case(
    case: Case,
    mode: str,
    benches: dict[tuple[str, str], Bench],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    key = (mode, group_of(case))
    if key not in benches:
        benches[key] = Bench(*key, tmp_path_factory.mktemp("-".join(key)))
    bench = benches[key]
    bench.new_log()
    with ThreadPoolExecutor(1 if bench.recycles_workers else len(PASSES)) as pool:
        played = dict(zip(PASSES, pool.map(lambda size: bench.play(case, size), PASSES), strict=True))
    if "limit_ms" in case:
        played[0][0].answer_ms = bench.quickest_ms(case)
    wrong = []
    for size, (seen, events) in played.items():
        for complaint in judge.complaints(case, seen, events, is_whole=size == 0):
            wrong.append(f"{PASSES[size]}: {complaint}  [saw: {seen.describe()}]")
    wrong += _log_complaints(case, bench.new_log())
    if not bench.recycles_workers and bench.server.workers() != bench.workers:
        wrong.append(f"workers were {bench.workers} and are {bench.server.workers()}")
        bench.workers = bench.server.wait_workers(1)
    assert not wrong, f"{case['id']}: {case['ours']} ({case['why']})\n" + "\n".join(wrong)


def _log_complaints(case: Case, log: bytes) -> list[str]:
    found = []
    if control := _CONTROL.search(log):
        found.append(f"a raw control byte in the log: {log[max(0, control.start() - 80) : control.end()]!r}")
    if re.search(rb"^X-Inj", log, re.MULTILINE):
        found.append("the request broke a log line in two")
    if _TRACEBACK.search(log) and not may_log_traceback(case):
        found.append("a traceback in the log:\n" + log.decode("utf-8", "backslashreplace")[-2000:])
    if case["id"] == "ga-empty-close" and log:
        found.append(f"log noise from a connection without a byte: {log!r}")
    return found


def test_later_are_only_cases_that_need_more_than_wsgi() -> None:
    known = {case["id"]: case for case in load_cases()}
    for case_id, reason in LATER.items():
        assert needs_more_than_wsgi(known[case_id]), f"{case_id} can be run today"
        assert len(reason.split()) >= 4, f"{case_id} needs a reason in words"


def test_no_case_that_needs_more_is_run_today() -> None:
    assert [case["id"] for case in CASES if needs_more_than_wsgi(case)] == []


def test_the_case_file_is_complete() -> None:
    ids = [case["id"] for case in load_cases()]
    assert len(ids) == len(set(ids))
    assert len(ids) >= 363
