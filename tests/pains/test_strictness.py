"""Requests that are read strictly, aloud: what was left out or refused stands in the log, with the setting
that decides it.

Each test names the pain of docs/why-tricorn.md that it answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from harness import Server

Serve = Callable[..., Server]


@pytest.mark.gunicorn_fails(r"assert \{\} == \{")
def test_pain_25_a_header_that_is_dropped_is_named(serve: Serve) -> None:
    """Gunicorn 27.0.1: names with underscores are dropped without a word, and SCRIPT_NAME and REMOTE_USER
    with them (#2799, #3200).
    """
    server = serve("--forwarded-allow-ips", "192.0.2.1", "environ_dump:app")
    headers = {"X_Tenant": "shop", "SCRIPT_NAME": "/shop", "REMOTE_USER": "anna", "X-Fine": "1"}
    for _ in range(3):
        with server.client() as client:
            environ = client.get("/", headers).body
            assert b"shop" not in environ
            assert b"anna" not in environ
    assert server.terminate() == 0
    lines = re.findall(
        r"\[WARNING\] Header '(\w+)' from ip=127\.0\.0\.1 was left out: (.*)", server.stderr.wait_end()
    )
    assert {name: re.findall(r"[a-z]+_[a-z_]+", why) for name, why in lines} == {
        "X_Tenant": ["header_map", "forwarder_headers"],
        "SCRIPT_NAME": ["forwarded_allow_ips"],
        "REMOTE_USER": ["header_map", "forwarder_headers"],
    }
    assert len(lines) == 3, "a name is said once"


def test_pain_25_what_the_setting_lets_through_is_not_said(serve: Serve) -> None:
    server = serve(
        "--header-map", "dangerous", "--forwarder-headers", "SCRIPT_NAME,REMOTE_USER", "environ_dump:app"
    )
    with server.client() as client:
        assert b"anna" in client.get("/", {"X_Tenant": "shop", "REMOTE_USER": "anna"}).body
    assert server.terminate() == 0
    assert "left out" not in server.stderr.wait_end()


def test_pain_25_a_flood_of_names_does_not_flood_the_log(serve: Serve) -> None:
    """Who invents a thousand names gets five lines a minute. (Gunicorn says nothing at all.)"""
    server = serve("hello:app")
    with server.client() as client:
        for start in range(0, 1000, 50):
            names = {f"X_{number}": "a" for number in range(start, start + 50)}
            assert client.get("/", names).status == 200
    with server.client() as client:
        assert client.get("/").status == 200
    assert server.terminate() == 0
    assert 1 <= server.stderr.wait_end().count("was left out") <= 10


LIMITS = {
    "line": (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "limit_request_line"),
    "fields": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431, "limit_request_fields"),
    "field": (
        b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"b" * 9000 + b"\r\n\r\n",
        431,
        "limit_request_field_size",
    ),
    "name": (b"GET / HTTP/1.1\r\nHost: a\r\nA_B: c\r\n\r\n", 400, "header_map"),
    "space": (b"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", 400, "strip_header_spaces"),
    "method": (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "permit_unconventional_http_method"),
}


@pytest.mark.parametrize("request_bytes, status, setting", LIMITS.values(), ids=LIMITS)
def test_pain_25_a_refusal_names_the_setting(
    serve: Serve, request_bytes: bytes, status: int, setting: str
) -> None:
    """Gunicorn 27.0.1: the same statuses and the same line, which names neither the limit nor the setting:
    "limit request headers fields" (#1659, #376).
    """
    server = serve("--header-map", "refuse", "hello:app")
    with server.client() as client:
        client.send(request_bytes)
        assert client.read_response().status == status
    server.stderr.wait_for(rf"\[WARNING\] Requests like that are refused by the setting {setting}\.")
    for _ in range(3):
        with server.client() as client:
            client.send(request_bytes)
            assert client.read_response().status == status
    assert server.terminate() == 0
    text = server.stderr.wait_end()
    assert text.count("Invalid request from ip=127.0.0.1: ") == 4
    assert text.count("are refused by the setting") == 1, "a setting is named once"
