"""Hooks of the configuration file: their order, and those that fail in the master while it runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server, wait_until

RAISING = """
def {name}({parameters}):
    raise RuntimeError("hook {name} failed")
"""
# Hooks that the master runs when a worker is replaced.
HOOKS = [("child_exit", "server, worker")]


@pytest.mark.parametrize("name, parameters", HOOKS)
def test_hook_that_raises_in_the_master(
    serve: Callable[..., Server], tmp_path: Path, name: str, parameters: str
) -> None:
    config = tmp_path / "settings.py"
    config.write_text(RAISING.format(name=name, parameters=parameters))
    server = serve("-c", str(config), "-w", "2", "hello:app", workers=2)
    first, second = server.wait_workers(2)
    for worker in (first, second):
        mark = server.stderr.mark()
        os.kill(worker, signal.SIGKILL)
        server.stderr.wait_for(f"RuntimeError: hook {name} failed", since=mark)
        wait_until(
            lambda worker=worker: worker not in server.workers() and len(server.workers()) == 2, "two workers"
        )
    with server.client() as client:
        assert client.get("/").status == 200
    assert server.terminate() == 0


@pytest.mark.parametrize("name", ["on_starting", "when_ready"])
def test_hook_that_raises_at_start(serve: Callable[..., Server], tmp_path: Path, name: str) -> None:
    """At start it ends the server: nobody is served yet, and the operator is looking."""
    config = tmp_path / "settings.py"
    config.write_text(RAISING.format(name=name, parameters="server"))
    server = serve("-c", str(config), "hello:app", ready=None)
    assert server.wait_exit() != 0
    assert f"RuntimeError: hook {name} failed" in server.stderr.text()
    assert server.left_over() == []


def test_hooks_are_called_in_order(serve: Callable[..., Server], tmp_path: Path) -> None:
    config, record = tmp_path / "settings.py", tmp_path / "record"
    hooks = {
        "on_starting": "server",
        "when_ready": "server",
        "pre_fork": "server, worker",
        "post_fork": "server, worker",
        "post_worker_init": "worker",
        "pre_request": "worker, req",
        "post_request": "worker, req, environ, resp",
        "worker_exit": "server, worker",
        "child_exit": "server, worker",
        "on_exit": "server",
    }
    source = "".join(
        f"def {name}({parameters}):\n    open({str(record)!r}, 'a').write('{name}\\n')\n"
        for name, parameters in hooks.items()
    )
    config.write_text(source)
    server = serve("-c", str(config), "hello:app")
    with server.client() as client:
        assert client.get("/").status == 200
    assert server.terminate() == 0
    seen = record.read_text().split()
    assert seen.index("on_starting") < seen.index("when_ready") < seen.index("pre_fork")
    worker = [
        name
        for name in seen
        if name not in ("on_starting", "when_ready", "pre_fork", "child_exit", "on_exit")
    ]
    assert worker == ["post_fork", "post_worker_init", "pre_request", "post_request", "worker_exit"]
    assert seen[-1] == "on_exit"
