"""Each scenario against Gunicorn and against Tricorn: what differs is a row of differences.json, or a bug.

A scenario in later.json is expected to differ, and fails when it no longer does. What was seen must be what
results.json says, from which the documents are made: `make twin docs` records and writes anew.
"""

from __future__ import annotations

import os

import pytest

from twin.judge import describe, later, missing_lines, results, unclaimed
from twin.programs import RefereeError
from twin.record import see
from twin.scenario import Scenario
from twin.topics import SCENARIOS


@pytest.mark.timeout(240)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(scenario: Scenario) -> None:
    if scenario.needs_root and os.geteuid() != 0:
        pytest.skip("only root can change users")
    try:
        seen = see(scenario)
    except RefereeError as error:
        pytest.fail(str(error), pytrace=False)
    left = unclaimed(scenario.name, seen["differing"])
    if scenario.name in later():
        assert left, f"{scenario.name} passes: take it out of later.json and run `make twin docs`"
        pytest.xfail(later()[scenario.name])
    assert not left, f"neither equal nor a row of differences.json:\n{describe(seen['differing'], left)}"
    assert missing_lines(scenario.name, seen) == [], "a log line that a row of differences.json promises"
    recorded = results().get(scenario.name, {})
    assert seen["differing"] == recorded.get("differing"), (
        "the result has changed: run `make twin docs` and look at what it changes"
    )
