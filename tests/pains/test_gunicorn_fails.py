"""The referee: every pain is one. Each test that is marked `gunicorn_fails` is run against Gunicorn itself,
in a pytest of its own, and must fail there with the words that the mark gives.

A mark is `gunicorn_fails(pattern, case=None, deadline_s=DEADLINE_S)`: the pattern is searched for in
pytest's report, without its margin; `case` names one set of parameters. Waits are cut short, since most of
them wait for what never comes; `deadline_s` is for those in which something else must come meanwhile.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from twin import programs

TESTS = Path(__file__).parent.parent
FOLDERS = ("pains", "server")
DEADLINE_S = 4


@dataclass(frozen=True)
class Claim:
    """One test that Gunicorn fails, and how its report shows that."""

    test: str
    pattern: str
    deadline_s: float


def modules() -> Iterator[ModuleType]:
    """All in which there may be a mark."""
    for folder in FOLDERS:
        for path in sorted((TESTS / folder).glob("test_*.py")):
            yield import_module(f"{folder}.{path.stem}")


def claims() -> Iterator[Claim]:
    for module in modules():
        for name, function in vars(module).items():
            for mark in getattr(function, "pytestmark", []):
                if mark.name == "gunicorn_fails":
                    case = mark.kwargs.get("case")
                    test = f"{file_of(module)}::{name}" + (f"[{case}]" if case else "")
                    yield Claim(test, mark.args[0], mark.kwargs.get("deadline_s", DEADLINE_S))


def file_of(module: ModuleType) -> str:
    return str(Path(str(module.__file__)).relative_to(TESTS))


@pytest.mark.timeout(240)  # the first one may have to install Gunicorn
@pytest.mark.parametrize("claim", list(claims()), ids=lambda claim: claim.test)
def test_gunicorn_fails(claim: Claim) -> None:
    report = ask_gunicorn(claim.test, claim.deadline_s)
    assert re.search(r"^1 failed\b", report, re.MULTILINE), f"it does not fail\n{report}"
    assert re.search(claim.pattern, report, re.MULTILINE), f"it fails for another reason\n{report}"


def ask_gunicorn(test: str, deadline_s: float) -> str:
    """The report of this test about Gunicorn."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    try:
        env["TRICORN_TEST_SERVER"] = programs.gunicorn().command[0]
    except programs.RefereeError as error:
        pytest.fail(str(error), pytrace=False)
    env["TRICORN_TEST_DEADLINE_S"] = str(deadline_s)
    pytest_options = ["-q", "--tb=short", "-p", "no:xdist", "-rN"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *pytest_options, test],
        cwd=TESTS,
        env=env,
        capture_output=True,
        text=True,
        timeout=55,
    )
    return re.sub(r"^E {3}", "", ended.stdout + ended.stderr, flags=re.MULTILINE)


NAMED = re.compile(r"`((?:pains|server)/\w+\.py)?::(\w+)`")
NOT_ASKED = {
    "test_pain_20_only_what_is_wrong_goes_to_standard_error",
    "test_pain_21_the_error_log_is_json",
    "test_socket_activation",
    "test_upgrade",
    "test_replaced_files_are_picked_up",
    # Those that Gunicorn passes.
    "test_pain_10_recycling_resets_nobody",
    "test_hooks_hear_of_a_worker_that_was_killed",
}


def test_the_page_names_what_is_asked() -> None:
    """docs/why-tricorn.md and the marks name the same tests."""
    page = (TESTS.parent / "docs" / "why-tricorn.md").read_text()
    file, named = "", set()
    for found in NAMED.finditer(page):
        file = found[1] or file
        named.add(f"{file}::{found[2]}")
    asked = {claim.test.split("[")[0] for claim in claims()}
    assert {test for test in named if test.split("::")[1] not in NOT_ASKED} == asked
    for test in named:
        path, function = test.split("::")
        assert f"def {function}(" in (TESTS / path).read_text(), test
