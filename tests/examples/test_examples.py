"""Each example is started in its own folder, as its README says, and answers.

The folder of the repository is examples/; its READMEs name the same commands that run here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
Serve = Callable[..., Server]


@pytest.fixture(params=[("-w", "4"), ("--threads", "4")], ids=["processes", "threads"])
def options(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return tuple(request.param)


def start(serve: Serve, name: str, options: tuple[str, ...]) -> Server:
    return serve(*options, "app:app", cwd=EXAMPLES / name, workers=4 if "-w" in options else 1)


def test_plain(serve: Serve, options: tuple[str, ...]) -> None:
    with start(serve, "plain", options).client() as client:
        assert client.get("/?name=you").body == b"hello, you\n"


def test_flask(serve: Serve, options: tuple[str, ...]) -> None:
    server = start(serve, "hello", options)
    with server.client() as client:
        assert client.get("/").body.startswith(b"hello from process ")
    with server.client() as client:
        assert client.get("/add?a=1&b=2").json() == {"sum": 3}
    with server.client() as client:
        assert client.request("POST", "/echo", {"Content-Type": "text/x"}, b"body").body == b"body"
    with server.client() as client:
        assert client.get("/count").body == b"".join(b"%d\n" % number for number in range(10))


def test_django(serve: Serve, options: tuple[str, ...]) -> None:
    server = start(serve, "django", options)
    with server.client() as client:
        assert client.get("/").body == b"hello from django\n"
    with server.client() as client:
        seen = client.request("POST", "/seen", body=b"12345").json()
    assert seen == {"method": "POST", "path": "/seen", "body_bytes": 5}


@pytest.mark.parametrize("name", ["plain", "hello", "django"])
def test_readme(name: str) -> None:
    text = (EXAMPLES / name / "README.md").read_text()
    assert f"cd examples/{name}" in text
    assert "app:app" in text
    assert len(text.splitlines()) <= 12
