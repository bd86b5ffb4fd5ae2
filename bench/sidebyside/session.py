"""All runs of one session, interleaved: every round runs every row once, each round in another order.

Called by command.py. Owns the order, the list of what is not available and the raw results on disk.
"""

from __future__ import annotations

import datetime
import json
import os
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidebyside.load import LoadFailed
from sidebyside.measure import Job, Outcome, Pace, run
from sidebyside.peers import CONSTANT_LOOP, Peer, Place, Unavailable, build_constant_loop, check_installed
from sidebyside.scenarios import Scenario

Run = dict[str, Any]  # one line of the raw results


@dataclass
class Results:
    """Every run of the session, why a row has none (`unavailable[scenario, row]`), and what to beware of.

    `obstacle` says why no target may be judged by these runs, if there is such a reason.
    """

    runs: list[Run] = field(default_factory=list)
    unavailable: dict[tuple[str, str], str] = field(default_factory=dict)
    obstacle: str | None = None


@dataclass(frozen=True)
class RawFile:
    """bench/raw/<date>.jsonl: one JSON line per run, appended the moment it is known."""

    path: Path
    constants: Mapping[str, Any]

    def append(self, line: Run) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps({**line, **self.constants}) + "\n")


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def jobs(scenarios: Sequence[Scenario], peers: Sequence[Peer]) -> list[Job]:
    return [
        Job(scenario, peer, shape)
        for scenario in scenarios
        for peer in (*peers, *scenario.baselines)
        for shape in scenario.shapes
    ]


def shuffled(todo: Sequence[Job], seed: str) -> list[Job]:
    """One round's order: scenario by scenario, so that what is compared runs close together."""
    chance = random.Random(seed)
    order: list[Job] = []
    for name in dict.fromkeys(job.scenario.name for job in todo):
        rows = [job for job in todo if job.scenario.name == name]
        chance.shuffle(rows)
        order += rows
    return order


@dataclass
class Session:
    """Runs jobs round by round; `tell` gets one line of progress per run."""

    place: Place
    pace: Pace
    raw: RawFile
    installed: Mapping[str, str]
    tell: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)
    results: Results = field(default_factory=Results)

    def run(self, todo: Sequence[Job], rounds: int, seed: int) -> Results:
        startable = [job for job in todo if self._is_startable(job)]
        for number in range(1, rounds + 1):
            order = shuffled(startable, f"{seed} {number}")
            for at, job in enumerate(order, 1):
                if (job.scenario.name, job.row) not in self.results.unavailable:
                    told = self._run_one(job, number)
                    self.tell(f"round {number}/{rounds}, {at}/{len(order)}: {told}")
        return self.results

    def _is_startable(self, job: Job) -> bool:
        try:
            check_installed(job.peer, self.place, self.installed)
            if job.peer is CONSTANT_LOOP:
                build_constant_loop(self.place)
        except Unavailable as reason:
            self._give_up(job, str(reason), number=0)
            return False
        return True

    def _run_one(self, job: Job, number: int) -> str:
        what = f"{job.scenario.name} {job.row}"
        try:
            outcome = run(job, self.place, self.pace)
        except Unavailable as reason:
            if any(self._is_of(job, line) for line in self.results.runs):
                self._record(
                    job, number, error=str(reason)
                )  # it ran before: one lost round, not an absent server
            else:
                self._give_up(job, str(reason), number)
            return f"{what}: {self.place.public(str(reason))}"
        except LoadFailed as reason:
            self._record(job, number, error=str(reason))
            return f"{what}: {reason}"
        self._record(job, number, outcome)
        shown = (
            f"{name} {outcome.figures[name]:.2f}" for name in job.scenario.figures if name in outcome.figures
        )
        return f"{what}: {', '.join(shown)}"

    def _is_of(self, job: Job, line: Run) -> bool:
        return (line["scenario"], line["row"]) == (job.scenario.name, job.row) and "figures" in line

    def _give_up(self, job: Job, reason: str, number: int) -> None:
        public = self.place.public(reason)
        self.results.unavailable[job.scenario.name, job.row] = public
        self._record(job, number, error=public)

    def _record(
        self, job: Job, number: int, outcome: Outcome | None = None, error: str | None = None
    ) -> None:
        line: Run = {"when": now(), "scenario": job.scenario.name, "row": job.row, "round": number}
        line["version"] = self.installed.get(job.peer.package) if job.peer.package else None
        line["load_average"] = os.getloadavg()[0]
        if outcome is not None:
            line |= {"command": outcome.command, "env": dict(job.peer.env), "figures": outcome.figures}
        if error is not None:
            line["error"] = self.place.public(error)
        self.results.runs.append(line)
        self.raw.append(line)
