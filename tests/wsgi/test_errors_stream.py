"""wsgi.errors: text of the application, whole and in order, in the error log's stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness import Server, wait_until


def test_to_stderr(shared: Callable[..., Server]) -> None:
    server = shared("errors_stream:app")
    mark = server.stderr.mark()
    with server.client() as client:
        assert client.get("/?something").body == b"ok"
    server.stderr.wait_for("written something\nfirst line\ncaf\xe9 \u20ac\nprinted\n", since=mark)


def test_to_the_log_file(serve: Callable[..., Server], tmp_path: Path) -> None:
    log = tmp_path / "error.log"
    server = serve("--log-file", str(log), "errors_stream:app", ready=None)
    wait_until(lambda: log.exists() and "Booting worker" in log.read_text(), "the log file")
    with server.client() as client:
        assert client.get("/?something").body == b"ok"
    text = wait_until(lambda: "printed" in (text := log.read_text()) and text, "wsgi.errors in the log file")
    assert "written something\nfirst line\ncaf\xe9 \u20ac\nprinted\n" in text
