"""Lines of the error log as JSON, made in Python: the same fields as the default logger's, and nothing that
leaves its string.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any

import pytest
from tricorn.log_lines import JsonFormatter, MildHandler, raw_text, split_traceback

TRACE = "Traceback (most recent call last):\n  File \"a\"\nKeyError: 'x'"
GROUP = '  + Exception Group Traceback (most recent call last):\n  |   File "a"'


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Booting", ("Booting", None)),
        ("two\nlines\n", ("two\nlines", None)),
        (f"Error\n{TRACE}\n", ("Error", TRACE)),
        (f"Error\n{GROUP}", ("Error", GROUP)),
        (TRACE, ("KeyError: 'x'", TRACE)),
        ("a Traceback (most recent call last): b", ("a Traceback (most recent call last): b", None)),
        ("", ("", None)),
    ],
)
def test_a_traceback_is_told_from_its_message(text: str, expected: tuple[str, str | None]) -> None:
    assert split_traceback(text) == expected


def record(text: str, level: int = logging.ERROR, **fields: Any) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"msg": text, "levelno": level, "levelname": logging.getLevelName(level), **fields}
    )


def test_a_record_is_one_object() -> None:
    try:
        raise KeyError("x")
    except KeyError:
        line = JsonFormatter().format(record("Error", exc_info=sys.exc_info(), process=17))
    shown = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", shown.pop("time"))
    assert shown.pop("traceback").endswith("KeyError: 'x'")
    assert shown == {"level": "ERROR", "pid": 17, "message": "Error"}


def test_nothing_leaves_its_string() -> None:
    text = "".join(map(chr, range(0x20FF)))
    line = JsonFormatter().format(record(text))
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)
    assert json.loads(line)["message"] == text


def test_an_applications_own_text() -> None:
    plain, as_json = logging.StreamHandler(), logging.StreamHandler()
    as_json.setFormatter(JsonFormatter())
    assert raw_text(plain, "a\n") == "a\n"
    assert json.loads(raw_text(as_json, "a\nb\n"))["message"] == "a\nb"
    assert raw_text(as_json, "\n") == ""
    assert raw_text(MildHandler(), "a\n") == ""


@pytest.mark.parametrize("level, is_mild", [(10, True), (20, True), (29, True), (30, False), (50, False)])
def test_the_mild_ones(level: int, is_mild: bool) -> None:
    assert bool(MildHandler().filter(record("a", level))) is is_mild
