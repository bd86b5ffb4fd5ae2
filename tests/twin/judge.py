"""Compares two outcomes, and finds which differences are known.

Used by the tests and by `record.py`. The known differences are the rows of `differences.json`: a row claims
fields of scenarios, `SCENARIO` for all fields of one and `SCENARIO: FIELD` for one field; both may have `*`.
"""

from __future__ import annotations

import fnmatch
import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin.scenario import Outcome

_HERE = Path(__file__).parent
ABSENT = "(nothing)"
# From field to what Gunicorn and what Tricorn shows.
Differing = dict[str, list[Any]]
# `differing`, and `own lines`: the patterns of the lines that only one of the two has written.
Seen = dict[str, Any]
Results = dict[str, Seen]


@dataclass(frozen=True)
class Difference:
    """One row of docs/differences.md."""

    section: str
    what: str
    gunicorn: str
    tricorn: str
    why: str
    # Tests that are no scenario, as they stand in the last cell.
    test: str
    # The scenarios (and fields) that show it.
    twin: tuple[str, ...]

    def claims(self, scenario: str, field: str) -> bool:
        """Whether this row explains that `field` differs in `scenario`."""
        for claim in self.twin:
            name, _, fields = claim.partition(": ")
            if fnmatch.fnmatchcase(scenario, name) and fnmatch.fnmatchcase(field, fields or "*"):
                return True
        return False

    # Log lines (regular expressions) that only Gunicorn, or only Tricorn, writes.
    lines_of_gunicorn: tuple[str, ...]
    lines_of_tricorn: tuple[str, ...]
    # The scenario in which they are certain to come.
    lines_seen_in: str
    # Only the words differ: no reason to call a setting different.
    is_wording: bool

    @property
    def own_lines(self) -> tuple[str, ...]:
        """Both, for whoever only wants to know whether they are seen."""
        return self.lines_of_gunicorn + self.lines_of_tricorn


@functools.cache
def differences() -> tuple[Difference, ...]:
    """The rows, in the order of the page."""
    return tuple(
        Difference(
            section["title"],
            row["what"],
            row["gunicorn"],
            row["tricorn"],
            row["why"],
            row.get("test", ""),
            tuple(row.get("twin", ())),
            tuple(row.get("lines_of_gunicorn", ())),
            tuple(row.get("lines_of_tricorn", ())),
            row.get("lines_seen_in", ""),
            row.get("is_wording", False),
        )
        for section in sections()
        for row in section["rows"]
    )


@functools.cache
def sections() -> list[dict[str, Any]]:
    """The page as data."""
    return json.loads((_HERE / "differences.json").read_text())  # type: ignore[no-any-return]


@functools.cache
def later() -> dict[str, str]:
    """The scenarios that show what Tricorn does not have yet, each with the reason."""
    return json.loads((_HERE / "later.json").read_text())  # type: ignore[no-any-return]


@functools.cache
def results() -> Results:
    """What was seen when `record.py` ran last."""
    path = _HERE / "results.json"
    return json.loads(path.read_text()) if path.exists() else {}


def compare(gunicorn: Outcome, tricorn: Outcome) -> Seen:
    """The fields that differ, with both values, and the lines that only one of the two writes."""
    own: set[str] = set()
    for outcome, side in ((gunicorn, "lines_of_gunicorn"), (tricorn, "lines_of_tricorn")):
        patterns = [pattern for row in differences() for pattern in getattr(row, side)]
        for field in [field for field in outcome if field.startswith("log ")]:
            outcome[field] = [line for line in outcome[field] if not _is_own(line, patterns, own)]
    fields = [*gunicorn, *(field for field in tricorn if field not in gunicorn)]
    both = {field: [gunicorn.get(field, ABSENT), tricorn.get(field, ABSENT)] for field in fields}
    differing = {field: values for field, values in both.items() if values[0] != values[1]}
    return {"differing": differing, "own lines": sorted(own)}


def _is_own(line: str, patterns: list[str], found: set[str]) -> bool:
    matching = [pattern for pattern in patterns if re.search(pattern, line)]
    found.update(matching)
    return bool(matching)


def missing_lines(scenario: str, seen: Seen) -> list[str]:
    """The patterns of own lines that this scenario is certain to show, and has not shown."""
    rows = [row for row in differences() if row.lines_seen_in == scenario]
    return [pattern for row in rows for pattern in row.own_lines if pattern not in seen["own lines"]]


def unclaimed(scenario: str, differing: Differing) -> list[str]:
    """The differing fields that no row explains."""
    return [field for field in differing if not any(row.claims(scenario, field) for row in differences())]


def changes_more_than_words(scenario: str, differing: Differing) -> bool:
    """Whether any field differs in more than its words."""
    rows = [row for row in differences() if not row.is_wording]
    return any(row.claims(scenario, field) for field in differing for row in rows)


def describe(differing: Differing, fields: list[str]) -> str:
    """Both values of these fields, for a failure's message."""
    lines = []
    for field in fields:
        lines += [f"{field}:", f"  gunicorn: {differing[field][0]!r}", f"  tricorn:  {differing[field][1]!r}"]
    return "\n".join(lines)
