"""The documents are what the results say, and the data behind them is whole: no row without its
difference.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from twin.judge import Difference, differences, later, results, unclaimed
from twin.pages import DIFFERENCES, GUIDE, differences_page, guide_page
from twin.settings import SETTINGS, WITHOUT_SCENARIO
from twin.topics import SCENARIOS

NAMES = [scenario.name for scenario in SCENARIOS]


def test_the_page_of_differences_is_current() -> None:
    assert DIFFERENCES.read_text() == differences_page(), "run `make docs`"


def test_the_migration_guide_is_current() -> None:
    assert GUIDE.read_text() == guide_page(), "run `make docs`"


def test_every_scenario_has_a_result() -> None:
    assert sorted(results()) == sorted(NAMES), "run `make twin docs`"
    assert {name: one["later"] for name, one in results().items() if "later" in one} == later()


def test_names_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_every_setting_has_a_scenario_or_a_reason() -> None:
    assert len(SETTINGS) == 120
    covered = {setting for scenario in SCENARIOS for setting in scenario.settings}
    assert covered - set(SETTINGS) == set()
    assert [name for name in SETTINGS if name not in covered and name not in WITHOUT_SCENARIO] == []
    assert [name for name in WITHOUT_SCENARIO if name in covered or name not in SETTINGS] == []


@pytest.mark.parametrize("row", differences(), ids=lambda row: row.what[:40])
def test_what_a_row_claims_differs(row: Difference) -> None:
    """A claim or a pattern that nothing matches explains a difference that is gone."""
    seen = [(name, field) for name, one in results().items() for field in one.get("differing", ())]
    for claim in row.twin:
        alone = replace(row, twin=(claim,))
        assert any(alone.claims(name, field) for name, field in seen), f"nothing differs in {claim}"
    assert bool(row.own_lines) == bool(row.lines_seen_in)
    assert row.lines_seen_in in ("", *NAMES)
    assert row.test or row.twin or row.own_lines, "a row without a test"


def test_every_difference_is_claimed() -> None:
    left = {name: unclaimed(name, one["differing"]) for name, one in results().items() if "differing" in one}
    assert {name: fields for name, fields in left.items() if fields} == {}


def test_what_is_later_has_a_reason_in_words() -> None:
    assert [name for name, reason in later().items() if len(reason.split()) < 4] == []
    assert set(later()) - set(NAMES) == set()
