"""Every row of docs/differences.md names a test, a case or a scenario that exists."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest

from http1.cases import load_cases
from tidy.sources import REPOSITORY, text
from twin.topics import SCENARIOS

PAGE = Path("docs/differences.md")
TESTS = REPOSITORY / "tests"
CASE_IDS = {case["id"] for case in load_cases()} | {scenario.name for scenario in SCENARIOS}


def rows() -> list[tuple[str, str]]:
    """The first and the last cell of every row, without the rows that head a table."""
    found = []
    # What comes after the rows is what the scenarios saw.
    lines = text(PAGE).partition("\n## What the scenarios saw")[0].splitlines()
    for number, line in enumerate(lines):
        is_head = number + 1 < len(lines) and re.match(r"^\|[-| ]+\|$", lines[number + 1])
        if line.startswith("|") and not is_head and not re.match(r"^\|[-| ]+\|$", line):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            found.append((cells[0], cells[-1]))
    return found


def missing(reference: str, before: str) -> str | None:
    """What is wrong with one reference in backquotes; `before` is the file the reference before it named."""
    if "::" in reference:
        file, _, name = reference.partition("::")
        path = next(
            (path for path in (TESTS / (file or before), REPOSITORY / (file or before)) if path.is_file()),
            None,
        )
        if path is None:
            return f"no file {file or before}"
        names = name.partition("[")[0]
        return None if re.search(rf"(def|fn) {names}\b", path.read_text()) else f"no {names} in {path.name}"
    if reference.endswith((".py", ".rs")):
        exists = (TESTS / reference).is_file() or (REPOSITORY / reference).is_file()
        return None if exists else f"no file {reference}"
    return None if fnmatch.filter(CASE_IDS, reference) else f"no case or scenario {reference}"


def check(cell: str) -> list[str]:
    """Everything that is wrong with the last cell of a row."""
    references = re.findall(r"`([^`]+)`", cell)
    wrong = [] if references else ["names no test"]
    file = ""
    for reference in references:
        if complaint := missing(reference, file):
            wrong.append(complaint)
        if "::" in reference and not reference.startswith("::"):
            file = reference.partition("::")[0]
    return wrong


def test_every_row_names_an_existing_test() -> None:
    assert {what: wrong for what, cell in rows() if (wrong := check(cell))} == {}


def test_there_are_rows() -> None:
    assert len(rows()) >= 30


@pytest.mark.parametrize(
    "cell, wrong",
    [
        ("case `ka-two`", []),
        ("cases `ka-*`, `no-such-*`", ["no case or scenario no-such-*"]),
        ("tests/server", ["names no test"]),
        ("`tidy/test_differences.py::test_there_are_rows`, `::check`", []),
        ("`tidy/test_differences.py::test_nothing`", ["no test_nothing in test_differences.py"]),
        ("`tidy/nothing.py`", ["no file tidy/nothing.py"]),
    ],
)
def test_the_check_can_fail(cell: str, wrong: list[str]) -> None:
    assert check(cell) == wrong
