"""The judge of the twin suite can tell: what is taken out of values, what counts as a difference, what a
row claims.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from twin.judge import ABSENT, compare, differences, missing_lines, unclaimed
from twin.normal import Names, log_lines

START = "INFO Start complete: 2 workers serve"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Booting worker with pid: 4711", "Booting worker with pid: W"),
        ("[14711] [47112] [4711] (4711)", "[14711] [47112] [W] (W)"),
        ("HTTP/1.1 4711 length 4711", "HTTP/1.1 4711 length 4711"),
        ("(pid:4711) (pid:9000) http://h:9000 h:4711 8000", "(pid:W) (pid:M) http://h:PORT h:4711 8000"),
        ("9000", "PORT"),
        ("GET / for 12.3 s", "GET / for AGE s"),
        ("|T=0", "|T=SECONDS"),
        ("8000", "PORT"),
        ("gunicorn/27.0.1 and tricorn/0.1.0", "SERVER/VERSION and SERVER/VERSION"),
        ("tricorn (version 0.1.0)", "SERVER (version VERSION)"),
        ("Tue, 01 Dec 2026 10:00:00 GMT", "DATE"),
        ("[01/Dec/2026:10:00:00 +0000]", "[DATE]"),
        ("gunicorns are no gunicorn", "gunicorns are no SERVER"),
        ("/a/b/file", "DIR/file"),
        ("HTTP/1.1 200 OK", "HTTP/1.1 200 OK"),
    ],
)
def test_names(text: str, expected: str) -> None:
    names = Names()
    names.know(4711, "W")
    names.know("/a/b", "DIR")
    names.know(8000, "PORT")
    names.know(9000, "M")
    names.know(9000, "PORT")
    assert names.text(text) == expected
    assert names.value({"a": [text]}) == {"a": [expected]}


def test_log_lines_leave_out_what_is_between_them() -> None:
    text = "[2026-11-25 13:30:52 +0000] [7] [ERROR] broken\nTraceback ...\n\n"
    assert [(line.pid, line.level, line.message) for line in log_lines(text)] == [(7, "ERROR", "broken")]


@pytest.mark.parametrize(
    "gunicorn, tricorn, differing",
    [
        ({"exit": 0}, {"exit": 0}, {}),
        ({"exit": 0}, {"exit": 1}, {"exit": [0, 1]}),
        ({"exit": 0}, {}, {"exit": [0, ABSENT]}),
        ({}, {"exit": 0}, {"exit": [ABSENT, 0]}),
        ({"log a": ["x"]}, {"log a": ["x", START]}, {}),
        ({"log a": ["x"]}, {"log a": [START, "y"]}, {"log a": [["x"], ["y"]]}),
        ({"log a": [START]}, {"log a": []}, {"log a": [[START], []]}),
    ],
)
def test_compare(gunicorn: dict[str, object], tricorn: dict[str, object], differing: object) -> None:
    assert compare(gunicorn, tricorn)["differing"] == differing


def test_lines_that_a_row_promises_are_missed() -> None:
    row = next(row for row in differences() if row.lines_seen_in)
    assert missing_lines(row.lines_seen_in, {"own lines": []}) == list(row.own_lines)
    assert missing_lines(row.lines_seen_in, {"own lines": list(row.own_lines)}) == []


def test_no_row_explains_everything() -> None:
    assert unclaimed("no-such-scenario", {"exit": [0, 1]}) == ["exit"]


@pytest.mark.parametrize(
    "claim, is_claimed",
    [
        ("signal-hup", True),
        ("signal-hup: exit", True),
        ("signal-*: e*", True),
        ("signal-hup: log *", False),
        ("signal", False),
    ],
)
def test_claims(claim: str, is_claimed: bool) -> None:
    assert replace(differences()[0], twin=(claim,)).claims("signal-hup", "exit") == is_claimed
