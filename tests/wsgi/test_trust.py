"""Whom to believe: forwarded scheme, SCRIPT_NAME, and header names with underscores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness import Server
from wsgi.test_environ import environ

Shared = Callable[..., Server]
STRANGER = ("--forwarded-allow-ips", "192.0.2.1")
FRIEND = ("--forwarded-allow-ips", "127.0.0.0/8")
ANYONE = ("--forwarded-allow-ips", "*")

SCHEMES = [
    ((), ["X-Forwarded-Proto: https"], "https"),
    (FRIEND, ["X-Forwarded-Proto: https"], "https"),
    (ANYONE, ["X-Forwarded-Proto: https"], "https"),
    (STRANGER, ["X-Forwarded-Proto: https"], "http"),
    ((), ["X-Forwarded-Proto: http"], "http"),
    ((), ["X-Forwarded-Proto: HTTPS"], "http"),
    ((), ["X-Forwarded-Protocol: ssl"], "https"),
    ((), ["X-Forwarded-Ssl: on"], "https"),
    ((), ["X-Forwarded-Ssl: on", "X-Forwarded-Proto: https"], "https"),
]


@pytest.mark.parametrize("options, lines, scheme", SCHEMES)
def test_scheme(shared: Shared, options: tuple[str, ...], lines: list[str], scheme: str) -> None:
    assert environ(shared(*options, "environ_dump:app"), "/", *lines)["wsgi.url_scheme"] == scheme


def test_contradictory_schemes(shared: Shared) -> None:
    with shared("environ_dump:app").client() as client:
        response = client.get("/", {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off"})
    assert response.status == 400
    assert b"Contradictory scheme headers" in response.body


SCRIPT_NAMES = [
    ((), "/app/page", ("/app", "/page")),
    ((), "/app", ("/app", "")),
    (STRANGER, "/app/page", ("", "/app/page")),
]


@pytest.mark.parametrize("options, target, expected", SCRIPT_NAMES)
def test_script_name_header(
    shared: Shared, options: tuple[str, ...], target: str, expected: tuple[str, str]
) -> None:
    got = environ(shared(*options, "environ_dump:app"), target, "SCRIPT_NAME: /app")
    assert (got["SCRIPT_NAME"], got["PATH_INFO"]) == expected


def test_script_name_with_a_dash_is_an_ordinary_header(shared: Shared) -> None:
    got = environ(shared("environ_dump:app"), "/app", "Script-Name: /app")
    assert (got["SCRIPT_NAME"], got["PATH_INFO"], got["HTTP_SCRIPT_NAME"]) == ("", "/app", "/app")


def test_script_name_that_does_not_fit(shared: Shared) -> None:
    server = shared("environ_dump:app")
    mark = server.stderr.mark()
    with server.client() as client:
        assert client.get("/other", {"SCRIPT_NAME": "/app"}).status == 500
    assert "Traceback" not in server.stderr.text(mark)


def test_script_name_of_the_process(shared: Shared) -> None:
    got = environ(shared("environ_dump:app", env={"SCRIPT_NAME": "/base"}), "/base/page")
    assert (got["SCRIPT_NAME"], got["PATH_INFO"]) == ("/base", "/page")


HEADER_MAPS: list[tuple[tuple[str, ...], list[str], Any]] = [
    ((), ["X_Under: 1"], None),
    (("--header-map", "drop"), ["X_Under: 1"], None),
    (("--header-map", "dangerous"), ["X_Under: 1"], "1"),
    (("--header-map", "dangerous", *STRANGER), ["X_Under: 1"], "1"),
    (("--forwarder-headers", "X_UNDER"), ["X_Under: 1"], "1"),
    (("--forwarder-headers", "X_UNDER", *STRANGER), ["X_Under: 1"], None),
    ((), ["X-Under: 1", "X_Under: 2"], "1"),
]


@pytest.mark.parametrize("options, lines, value", HEADER_MAPS)
def test_underscores(shared: Shared, options: tuple[str, ...], lines: list[str], value: str | None) -> None:
    assert environ(shared(*options, "environ_dump:app"), "/", *lines).get("HTTP_X_UNDER") == value


def test_underscores_refused(shared: Shared) -> None:
    with shared("--header-map", "refuse", "environ_dump:app").client() as client:
        assert client.get("/", {"X_Under": "1"}).status == 400
