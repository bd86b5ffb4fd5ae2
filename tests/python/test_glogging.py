"""The logger that hooks get, and the stdlib loggers that applications look up."""

import logging
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from tricorn.core_log import CoreHandler, CoreLogger

Records = list[tuple[int, str]]


@pytest.fixture(autouse=True)
def _loggers_are_left_as_they_were() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("gunicorn.error", "gunicorn.access")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def logger_at(level: str) -> tuple[CoreLogger, Records]:
    """A logger whose records are collected."""
    records: Records = []
    cfg = SimpleNamespace(loglevel=level)
    return CoreLogger(cfg, sink=lambda level, text: records.append((level, text))), records


@pytest.mark.parametrize(
    ("method", "arguments", "expected"),
    [
        ("debug", ("d",), (10, "d")),
        ("info", ("%s of %d", "one", 2), (20, "one of 2")),
        ("info", ("%(a)s", {"a": 1}), (20, "1")),
        ("info", ("100 %",), (20, "100 %")),
        ("warning", ("w",), (30, "w")),
        ("error", ("e",), (40, "e")),
        ("critical", (ValueError("x"),), (50, "x")),
        ("log", (35, "n %s", 1), (35, "n 1")),
        ("log", ("ERROR", "by name"), (40, "by name")),
        ("log", ("no such level", "as info"), (20, "as info")),
    ],
)
def test_a_record(method: str, arguments: tuple[Any, ...], expected: tuple[int, str]) -> None:
    logger, records = logger_at("debug")
    getattr(logger, method)(*arguments, extra={"metric": "x", "value": 1})
    assert records == [expected]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", [10, 20, 30, 40, 50]),
        ("info", [20, 30, 40, 50]),
        ("WARNING", [30, 40, 50]),
        ("error", [40, 50]),
        ("critical", [50]),
        ("unknown", [20, 30, 40, 50]),
    ],
)
def test_the_level_of_the_configuration_holds(level: str, expected: list[int]) -> None:
    logger, records = logger_at(level)
    for method in (logger.debug, logger.info, logger.warning, logger.error, logger.critical):
        method("x")
    assert [level for level, _ in records] == expected


def test_a_traceback_is_appended() -> None:
    logger, records = logger_at("info")
    try:
        raise KeyError("lost")
    except KeyError as error:
        logger.exception("while %s", "looking")
        logger.info("again", exc_info=error)
    for (level, text), (expected_level, first) in zip(
        records, [(40, "while looking"), (20, "again")], strict=True
    ):
        lines = text.splitlines()
        assert (level, lines[0], lines[1]) == (expected_level, first, "Traceback (most recent call last):")
        assert lines[-1] == "KeyError: 'lost'"


def test_applications_reach_the_error_log_by_name() -> None:
    """The recipe in many Flask applications: take over the handlers of `gunicorn.error`."""
    _, records = logger_at("info")
    gunicorn = logging.getLogger("gunicorn.error")
    gunicorn.info("direct")
    app = logging.Logger("app")
    app.handlers = gunicorn.handlers
    app.setLevel(gunicorn.level)
    app.warning("through %s", "the app")
    logging.getLogger("gunicorn.access").info("an access line of the app's own")
    assert records == [(20, "direct"), (30, "through the app"), (20, "an access line of the app's own")]


def test_a_reload_replaces_our_handlers_only() -> None:
    logger, _ = logger_at("info")
    own = logging.NullHandler()
    logger.error_log.addHandler(own)
    again, records = logger_at("error")
    again.error("once")
    assert records == [(40, "once")]
    assert [type(handler) for handler in again.error_log.handlers] == [logging.NullHandler, CoreHandler]


def test_an_error_while_logging_does_not_reach_the_caller(capsys: pytest.CaptureFixture[str]) -> None:
    logger, records = logger_at("info")
    logger.info("%d", "no number")
    assert records == []
    assert "no number" in capsys.readouterr().err


def test_now_is_an_access_log_time() -> None:
    logger, _ = logger_at("info")
    assert re.fullmatch(r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]", logger.now())
