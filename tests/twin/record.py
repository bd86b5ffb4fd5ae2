"""Runs scenarios and keeps what was seen in `results.json`: `python -m twin.record [NAME-PATTERN ...]` in
tests/.

Called by `make twin`, and by hand after a change. Scenarios whose names match no pattern keep their results.
Prints what no row of `differences.json` explains, and ends with 1 if there is any.
"""

from __future__ import annotations

import fnmatch
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from twin.judge import Results, Seen, compare, describe, later, missing_lines, results, unclaimed
from twin.play import play
from twin.programs import gunicorn, tricorn
from twin.scenario import Scenario
from twin.topics import SCENARIOS

RESULTS = Path(__file__).parent / "results.json"


def see(scenario: Scenario) -> Seen:
    """Run both programs, and compare."""
    is_hopeless = scenario.name in later()
    return compare(play(scenario, gunicorn()), play(scenario, tricorn(), is_hopeless=is_hopeless))


def save(seen: Results) -> None:
    """Write the results in the order of the scenarios."""
    kept = {**results(), **seen}
    ordered = {scenario.name: kept[scenario.name] for scenario in SCENARIOS if scenario.name in kept}
    RESULTS.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")


def _kept(name: str, seen: Seen) -> Seen:
    """What is worth keeping. Which lines only one of the two writes is partly a matter of chance."""
    return {"later": later()[name]} if name in later() else {"differing": seen["differing"]}


def main(patterns: list[str]) -> int:
    """Record the scenarios that match a pattern, or all."""
    chosen = [
        scenario
        for scenario in SCENARIOS
        if not patterns or any(fnmatch.fnmatchcase(scenario.name, pattern) for pattern in patterns)
    ]
    gunicorn()
    with ThreadPoolExecutor(int(os.environ.get("TWIN_JOBS", "3"))) as pool:
        seen = dict(zip((one.name for one in chosen), pool.map(see, chosen), strict=True))
    save({name: _kept(name, one) for name, one in seen.items()})
    unknown = 0
    for name, one in seen.items():
        left = unclaimed(name, one["differing"])
        if name in later():
            if not left:
                print(f"{name} is in later.json, and passes")
                unknown += 1
        elif missing := missing_lines(name, one):
            print(f"== {name}\nlines that did not come: {missing}")
            unknown += 1
        elif left:
            print(f"== {name}\n{describe(one['differing'], left)}")
            unknown += 1
    print(f"{len(seen)} scenarios, {unknown} to look at")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
