"""`--spew`: every line of Python is printed, in the master's hooks and in every thread of the application."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server

Serve = Callable[..., Server]
APP = """import threading
def app(environ, start_response):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    start_response("200 OK", [("Content-Length", "0")])
    return []
def work():
    done = True
"""
CONF = """def post_fork(server, worker):
    note = worker.pid
"""


@pytest.mark.parametrize("options", [("-k", "sync"), ("--threads", "2")])
def test_lines(serve: Serve, tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "traced.py").write_text(APP)
    (tmp_path / "conf.py").write_text(CONF)
    server = serve("--spew", *options, "-c", "conf.py", "traced:app", cwd=tmp_path)
    with server.client() as client:
        assert client.get("/").status == 200
    server.stdout.wait_for(r"^traced:3:     thread = threading\.Thread\(target=work\)$")
    server.stdout.wait_for(r"^traced:9:     done = True$")
    server.stdout.wait_for(r"^\S+:2:     note = worker\.pid$")


def test_off(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "traced.py").write_text(APP)
    server = serve("traced:app", cwd=tmp_path)
    with server.client() as client:
        client.get("/")
    assert server.terminate() == 0
    assert server.stdout.wait_end() == ""
