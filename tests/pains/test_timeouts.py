"""Workers that hang, as Gunicorn's users know them: which request it was, where it was, and a boot that
never ends.

Each test names the pain of docs/why-tricorn.md that it answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import DeadlineError, Server, build_request, wait_until
from harness.processes import open_files

Serve = Callable[..., Server]
STUCK = """
import threading, time
def app(environ, start_response):
    if environ["PATH_INFO"] == "/stuck":
        deep_in_the_application()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
def deep_in_the_application():
    {body}
"""
HANGS = {
    "sleeps": "time.sleep(1000)",
    "waits for a lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "computes": "while True: pass",
    # A loop in C that neither lets go of the interpreter nor looks for signals.
    "holds the GIL": "import itertools; any(itertools.repeat(0))",
}


@pytest.mark.gunicorn_fails(
    r"GET /stuck' in stderr:(\n\[.*|\nServing.*)*WORKER TIMEOUT \(pid:\d+\)\n.*SIGKILL! Perhaps out of mem",
    case="holds the GIL",
    deadline_s=10,
)
@pytest.mark.parametrize("kind", HANGS)
def test_pain_1_a_timeout_says_which_request_and_where(serve: Serve, tmp_path: Path, kind: str) -> None:
    """Gunicorn: "WORKER TIMEOUT" and, where Python code can still handle ABRT, a traceback of the main
    thread; nothing at all if C code holds the GIL.
    """
    (tmp_path / "stuck.py").write_text(STUCK.format(body=HANGS[kind]))
    server = serve("--timeout", "1", "stuck:app", cwd=tmp_path)
    [worker] = server.workers()
    with server.client() as client:
        client.send(build_request("GET", "/stuck"))
        server.stderr.wait_for(rf"\[CRITICAL\] WORKER TIMEOUT \(pid:{worker}\).*GET /stuck")
        server.stderr.wait_for("in deep_in_the_application")
    wait_until(lambda: server.workers() not in ([], [worker]), "a new worker")
    with server.client() as client:
        assert client.get("/").body == b"ok"


@pytest.mark.gunicorn_fails(r"'slow:app'\] runs after", case="options0")
@pytest.mark.parametrize("options", [(), ("--preload",)])
def test_pain_3_a_boot_has_a_deadline_of_its_own(
    serve: Serve, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Gunicorn: before 22 a slow import was killed by `timeout`, since then one that hangs is waited for
    without end.
    """
    body = "while not os.path.exists('go'): time.sleep(0.01)"
    (tmp_path / "slow.py").write_text(f"import os, time\n{body}\nfrom hello import app\n")
    (tmp_path / "hello.py").write_text((Path(__file__).parent.parent / "apps/hello.py").read_text())
    limits = ("--timeout", "1", "--boot-timeout", "20")
    server = serve(*limits, *options, "slow:app", cwd=tmp_path, ready=None)
    server.stderr.wait_for("Booting worker" if not options else "Starting|$")
    (tmp_path / "late").touch()
    with pytest.raises(AssertionError):
        server.stderr.wait_for("WORKER TIMEOUT", 1.5)
    (tmp_path / "go").touch()
    server.wait_complete()
    (tmp_path / "go").unlink()
    if not options:
        ended = serve("--timeout", "1", "--boot-timeout", "1", "slow:app", cwd=tmp_path, ready=None)
        assert ended.wait_exit() == 3
        ended.stderr.wait_for("slow.py")


@pytest.mark.gunicorn_fails(r"wgunicorn-\w+ \(deleted\)")
def test_pain_22_no_file_is_needed_to_live(serve: Serve) -> None:
    """Gunicorn: a heartbeat file, which on a slow or full disk freezes workers. (A disk like that cannot be
    had in a test; that there is no file can be seen.)
    """
    server = serve("hello:app")
    with server.client() as client:
        assert client.get("/").status == 200
    [worker] = server.workers()
    opened = open_files(worker).values()
    assert [path for path in opened if path.startswith("/") and not path.startswith("/dev/null")] == []


@pytest.mark.gunicorn_fails("Control server error: ")
def test_pain_23_no_home_is_needed(serve: Serve) -> None:
    """Gunicorn: a control socket in a folder that need not be there."""
    server = serve("hello:app", env={"HOME": "/dev/null/home", "XDG_RUNTIME_DIR": ""})
    with server.client() as client:
        assert client.get("/").status == 200
    problem = None
    with contextlib.suppress(DeadlineError):
        problem = server.stderr.wait_for(".*(ERROR|WARNING|Traceback).*", 1.5).group(0)
    assert problem is None
