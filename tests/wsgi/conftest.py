"""Servers that tests of this area share: one per application, options and worker class, for the whole
session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from harness import Server

MODES = {"sync": ("-k", "sync"), "gthread": ("-k", "gthread", "--threads", "4")}
_STARTED: dict[tuple[object, ...], Server] = {}


@pytest.fixture(params=list(MODES))
def mode(request: pytest.FixtureRequest) -> str:
    """The worker class the test runs with."""
    return str(request.param)


@pytest.fixture(scope="session", autouse=True)
def _end_shared_servers() -> Iterator[None]:
    yield
    for server in _STARTED.values():
        server.close()


@pytest.fixture
def shared(mode: str) -> Callable[..., Server]:
    """The running server for these options, started when first asked for. Tests must leave it as it was."""

    def start(*arguments: str, env: dict[str, str] | None = None) -> Server:
        key = (mode, arguments, tuple(sorted((env or {}).items())))
        if key not in _STARTED:
            _STARTED[key] = Server(*MODES[mode], "--keep-alive", "30", *arguments, env=env)
        return _STARTED[key]

    return start
