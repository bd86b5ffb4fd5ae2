"""Statuses and headers that break HTTP never reach the wire: a 500, a log line, and the worker lives."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server

_APP = Path(__file__).parent.parent / "apps" / "bad_response.py"
OFFENCES = re.findall(r'^    "(/[a-z0-9-]+)"', _APP.read_text(), re.MULTILINE)


@pytest.mark.parametrize("offence", OFFENCES)
def test_offence(shared: Callable[..., Server], offence: str) -> None:
    server = shared("bad_response:app")
    mark = server.stderr.mark()
    workers = server.workers()
    with server.client() as client:
        client.send(f"GET {offence} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
        response = client.read_response()
    assert response.status == 500, response
    assert response.header("x-injected") is None
    server.stderr.wait_for("Error handling request", since=mark)
    assert server.workers() == workers


def test_all_offences_are_listed() -> None:
    assert len(OFFENCES) == 26
