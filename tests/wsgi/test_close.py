"""close() of the application's iterable is called exactly once, in every ending (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server, build_request, wait_until
from harness.wire import WireError


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / "result"
    path.touch()
    return path


@pytest.fixture
def server(serve: Callable[..., Server], mode: str, result: Path) -> Server:
    return serve("-k", mode, "--keep-alive", "30", "close_counter:app", env={"RESULT_FILE": str(result)})


def check_closed_once(server: Server, result: Path, path: str) -> None:
    wait_until(lambda: result.read_text(), f"close() after {path}", 5.0)
    with server.client() as client:
        assert client.get("/barrier").status == 200
    wait_until(lambda: "close /barrier" in result.read_text(), "close() of the request after it", 5.0)
    lines = result.read_text().splitlines()
    assert sorted(lines) == sorted([f"close {path}", "close /barrier"])


@pytest.mark.parametrize(
    "method, path", [("GET", "/"), ("GET", "/length"), ("GET", "/empty"), ("GET", "/304")]
)
def test_whole_response(server: Server, result: Path, method: str, path: str) -> None:
    with server.client() as client:
        assert client.request(method, path).status in (200, 304)
    check_closed_once(server, result, path)


@pytest.mark.parametrize("path", ["/", "/length"])
def test_head(server: Server, result: Path, path: str) -> None:
    with server.client() as client:
        assert client.request("HEAD", path).status == 200
    check_closed_once(server, result, path)


def test_error_at_the_first_item(server: Server, result: Path) -> None:
    with server.client() as client:
        assert client.get("/first-item-error").status == 500
    check_closed_once(server, result, "/first-item-error")


def test_error_in_the_middle(server: Server, result: Path) -> None:
    with server.client() as client:
        with pytest.raises(WireError):
            client.get("/iteration-error")
    check_closed_once(server, result, "/iteration-error")


def test_client_resets(server: Server, result: Path) -> None:
    with server.client() as client:
        client.send(build_request("GET", "/endless"))
        client.read_bytes(100_000)
        client.rst()
    check_closed_once(server, result, "/endless")


def test_client_leaves_politely(server: Server, result: Path) -> None:
    with server.client() as client:
        client.send(build_request("GET", "/endless"))
        client.read_bytes(100_000)
    check_closed_once(server, result, "/endless")


def test_close_that_raises(server: Server, result: Path) -> None:
    """The response is whole; what close() raises is logged and hurts nobody else."""
    workers = server.workers()
    with server.client() as client:
        assert client.get("/close-raises").body == b"helloworld"
    server.stderr.wait_for("RuntimeError: close\\(\\) failed")
    check_closed_once(server, result, "/close-raises")
    assert server.workers() == workers
