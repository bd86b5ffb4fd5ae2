"""An application that cannot be loaded: one traceback or one line, the right exit code, nothing left
behind.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server, run_to_end

CASES = [
    ("broken_import:app", 3, "RuntimeError: broken at import, on purpose"),
    ("no_such_module:app", 3, "ModuleNotFoundError: No module named 'no_such_module'"),
    ("factory:fails()", 3, "RuntimeError: the factory failed"),
    ("hello:nope", 4, "Failed to find attribute 'nope' in 'hello'."),
    ("hello", 4, "Failed to find attribute 'application' in 'hello'."),
    ("not_callable:app", 4, "Application object must be callable."),
    ("not_callable:nothing", 4, "Failed to find application object"),
    ("factory:returns_none()", 4, "Failed to find application object"),
    ("factory:create(", 4, "Failed to parse"),
    ("hello:app.attribute", 4, "Failed to parse"),
    ("factory:create(no_literal)", 4, "Failed to parse"),
]


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("uri, code, text", CASES)
def test_exit_code(uri: str, code: int, text: str, workers: int) -> None:
    ended = run_to_end("-w", str(workers), uri, bind="tcp")
    assert ended.code == code, ended.stderr
    assert text in ended.stderr
    assert ended.stderr.count("Traceback (most recent call last)") == (1 if code == 3 else 0), ended.stderr
    reason = "Worker failed to boot." if code == 3 else "App failed to load."
    assert reason in ended.stderr
    assert ended.elapsed_s < 10


def test_broken_application_with_preload() -> None:
    ended = run_to_end("--preload", "broken_import:app", bind="tcp")
    assert ended.code != 0
    assert "broken at import, on purpose" in ended.stderr


def test_factory_with_arguments() -> None:
    """The same spelling works when it is right."""
    with Server("factory:create('ab', times=3)") as server, server.client() as client:
        assert client.get("/").body == b"ababab"


def test_threads_that_the_machine_has_no_room_for(serve: Callable[..., Server], tmp_path: Path) -> None:
    """Whoever says that it serves does serve: at a reload the old workers go by that word."""
    config = tmp_path / "conf.py"
    config.write_text("threads = 2")
    prefix = ("bash", "-c", 'ulimit -v 1500000; exec "$@"', "bash")
    env = {"MALLOC_ARENA_MAX": "1"}  # glibc reserves address space for each core
    server = serve("-c", str(config), "hello:app", prefix=prefix, ready="Start complete", env=env)
    before = server.workers()
    config.write_text("threads = 500")
    server.signal(signal.SIGHUP)
    server.stderr.wait_for("no thread for a runner: Resource temporarily unavailable")
    server.stderr.wait_for("the reload waits, the old workers keep serving")
    with server.client() as client:
        assert client.get("/").status == 200
    assert set(before) <= set(server.workers())
    config.write_text("threads = 3")
    server.signal(signal.SIGHUP)
    server.stderr.wait_for("Reload complete")
