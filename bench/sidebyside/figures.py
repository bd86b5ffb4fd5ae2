"""Arithmetic over many runs: a figure's values by round, ratios within a round, medians and spans.

Called by targets.py and report.py. A ratio is taken within a round, never between medians: what slows a
machine for a minute slows both sides of one round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

ByRound = Mapping[int, float]


@dataclass(frozen=True)
class Span:
    """Median, least and greatest of some rounds."""

    median: float
    least: float
    greatest: float
    rounds: int

    @classmethod
    def of(cls, values: ByRound) -> Span | None:
        """None where there is no value at all."""
        if not values:
            return None
        return cls(median(values.values()), min(values.values()), max(values.values()), len(values))


def values(runs: Sequence[Mapping[str, Any]], scenario: str, row: str, figure: str) -> dict[int, float]:
    """The values of one figure by round."""
    return {
        run["round"]: run["figures"][figure]
        for run in runs
        if run["scenario"] == scenario and run["row"] == row and figure in run.get("figures", {})
    }


def ratios(above: ByRound, below: ByRound) -> dict[int, float]:
    """`above / below` in every round that has both."""
    return {number: above[number] / below[number] for number in above if below.get(number)}


def differences(left: ByRound, right: ByRound) -> dict[int, float]:
    """`left - right` in every round that has both."""
    return {number: left[number] - right[number] for number in left if number in right}


def rows(runs: Sequence[Mapping[str, Any]], scenario: str) -> list[str]:
    """The rows that have at least one result in `scenario`, in the order of their first one."""
    found = (run["row"] for run in runs if run["scenario"] == scenario and "figures" in run)
    return list(dict.fromkeys(found))
