"""Tries the installed `tricorn` on the interpreter that runs this file: start, serve, lose a worker, stop.

.ci/test-pythons calls it with each interpreter's own virtual environment. It needs nothing but the standard
library, and talks to a unix socket in a temporary folder. Details of HTTP and WSGI are for tests/.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

DEADLINE_S = 30.0
APP = """
import os, sys

def application(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Pid", str(os.getpid()))])
    return [b"%d.%d " % sys.version_info[:2], environ["REQUEST_METHOD"].encode(), b" ", body]
"""
VERSION = "{}.{}".format(*sys.version_info[:2]).encode()


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=DEADLINE_S)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(self.path)


def ask(path: str, method: str, body: bytes = b"") -> tuple[int, bytes, str]:
    """Status, body and worker pid of one request on a connection of its own."""
    connection = UnixConnection(path)
    try:
        connection.request(method, "/", body=body)
        response = connection.getresponse()
        return response.status, response.read(), response.headers["X-Pid"]
    finally:
        connection.close()


def wait_until(what: str, is_true: Callable[[], bool]) -> None:
    """Poll `is_true` until it is, or fail at the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {DEADLINE_S:.0f} s: {what}")
        time.sleep(0.02)


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A running server and the path of its socket; it must end with exit code 0 on TERM."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "smoke_app.py").write_text(APP)
        path = os.path.join(folder, "sock")
        options = ("-b", f"unix:{path}", "--chdir", folder, *options)
        server = subprocess.Popen([sys.executable, "-m", "tricorn", *options, "smoke_app"])
        try:

            def is_listening() -> bool:
                assert server.poll() is None, f"the server ended with {server.returncode}"
                return os.path.exists(path)

            wait_until("listening", is_listening)
            yield server, path
            server.send_signal(signal.SIGTERM)
            assert server.wait(DEADLINE_S) == 0, f"exit code {server.returncode}"
        finally:
            if server.poll() is None:
                server.kill()
                server.wait()


def the_command_prints_its_version() -> None:
    command = os.path.join(os.path.dirname(sys.executable), "tricorn")
    text = subprocess.run(
        [command, "--version"], capture_output=True, text=True, timeout=DEADLINE_S, check=True
    ).stdout
    assert text.startswith("tricorn (version "), text


def sync_serves_and_stops() -> None:
    with serving("-w", "2") as (_, path):
        assert ask(path, "POST", b"ping")[:2] == (200, VERSION + b" POST ping")


def threads_serve_and_stop() -> None:
    with serving("--threads", "4") as (_, path):
        for _ in range(20):
            assert ask(path, "PUT", b"x" * 70_000)[:2] == (200, VERSION + b" PUT " + b"x" * 70_000)


def a_preloaded_app_survives_the_death_of_a_worker() -> None:
    with serving("--preload") as (_, path):
        first = ask(path, "GET")[2]
        os.kill(int(first), signal.SIGKILL)
        assert ask(path, "GET")[2] != first


def main() -> int:
    failed = 0
    cases = [
        the_command_prints_its_version,
        sync_serves_and_stops,
        threads_serve_and_stop,
        a_preloaded_app_survives_the_death_of_a_worker,
    ]
    for case in cases:
        try:
            case()
        except Exception as error:
            failed += 1
            print(f"{case.__name__} FAILED: {type(error).__name__}: {error}")
        else:
            print(f"{case.__name__} ok")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
