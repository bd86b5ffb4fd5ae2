"""Fixtures that every area shares: a function that starts servers and ends them when the test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness import Server


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server with these options; all of them end with the test."""
    started: list[Server] = []

    def start(*arguments: str, **options: Any) -> Server:
        server = Server(*arguments, **options)
        started.append(server)
        return server

    yield start
    for server in started:
        server.close()
