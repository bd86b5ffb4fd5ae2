"""The error log's lines, the access log's atoms and formats, files, reopening and syslog."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server, build_request, wait_until
from harness.command import program_name
from harness.server import APPS
from server.load import Load

Serve = Callable[..., Server]
STAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\]"


def test_lines_of_a_start_and_a_stop(serve: Serve) -> None:
    server = serve("-w", "2", "hello:app", workers=2)
    server.wait_workers(2)
    server.terminate()
    text = server.stderr.text()
    name = program_name()
    master = rf"^{STAMP} \[{server.pid}\] \[INFO\] "
    for line in [
        master + rf"Starting {name} \d+\.\d+",
        master + rf"Listening at: http://127\.0\.0\.1:{server.port} \({server.pid}\)$",
        master + "Using worker: sync$",
        rf"^{STAMP} \[\d+\] \[INFO\] Booting worker with pid: \d+$",
        master + "Handling signal: term$",
        rf"^{STAMP} \[\d+\] \[INFO\] Worker exiting \(pid: \d+\)$",
        master + "Shutting down: Master$",
    ]:
        assert re.search(line, text, re.MULTILINE), f"{line}\n{text}"


@pytest.mark.parametrize(
    "level, has_info", [("debug", True), ("info", True), ("warning", False), ("error", False)]
)
def test_level(serve: Serve, level: str, has_info: bool) -> None:
    server = serve("--log-level", level, "hello:app", ready=None)
    wait_until(lambda: server.workers(), "a worker")
    server.terminate()
    assert ("[INFO]" in server.stderr.text()) == has_info
    assert ("[DEBUG]" in server.stderr.text()) == (level == "debug")


@pytest.mark.parametrize(
    "worker, name", [((), "sync"), (("--threads", "3"), "gthread"), (("-k", "gthread"), "gthread")]
)
def test_using_worker(serve: Serve, worker: tuple[str, ...], name: str) -> None:
    serve(*worker, "hello:app").stderr.wait_for(f"Using worker: {name}$")


TIME = r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
HEADERS = {
    "User-Agent": 'agent "quoted"',
    "Referer": "http://r/",
    "Authorization": "Basic dXNlcjpwYXNz",
    "X-Odd": "a",
}
ATOMS = [
    ("%(h)s", "127.0.0.1"),
    ("%(l)s", "-"),
    ("%(u)s", "user"),
    ("%(t)s", TIME),
    ("%(r)s", re.escape("GET /slow%20path?ms=0&x HTTP/1.1")),
    ("%(m)s", "GET"),
    ("%(U)s", "/slow path"),
    ("%(q)s", re.escape("ms=0&x")),
    ("%(H)s", "HTTP/1.1"),
    ("%(s)s", "404"),
    ("%(b)s", r"\d{2,}"),
    ("%(B)s", r"\d{2,}"),
    ("%(f)s", "http://r/"),
    ("%(a)s", re.escape('agent \\"quoted\\"')),
    ("%(T)s", r"\d+"),
    ("%(M)s", r"\d{1,4}"),
    ("%(D)s", r"\d{1,7}"),
    ("%(L)s", r"\d\.\d{6}"),
    ("%(p)s", r"<\d+>"),
    ("%({x-odd}i)s", "a"),
    ("%({X-ODD}i)s", "a"),
    ("%({x-missing}i)s", "-"),
    ("%({content-type}o)s", "application/json"),
    ("%({server}o)s", "-"),
    ("%({request_method}e)s", "GET"),
    ("%({wsgi.url_scheme}e)s", "http"),
    ("%(nonsense)s", "-"),
    ("100%% %(s)s", "100% 404"),
]


def test_atoms(serve: Serve) -> None:
    """All in one line, one per column, so that one server serves for all of them."""
    form = "\t".join(atom for atom, _ in ATOMS)
    server = serve("--access-logfile", "-", "--access-logformat", form, "oracle:app")
    with server.client() as client:
        client.get("/slow%20path?ms=0&x", HEADERS)
    line = server.stdout.wait_for("^.+\n")[0].rstrip("\n").split("\t")
    assert len(line) == len(ATOMS)
    wrong = [
        (atom, got)
        for (atom, pattern), got in zip(ATOMS, line, strict=True)
        if not re.fullmatch(pattern, got)
    ]
    assert wrong == []


REQUESTS = [
    (build_request("GET", "/", {"User-Agent": "ua"}), r'"GET / HTTP/1.1" 200 12 "-" "ua"'),
    (build_request("HEAD", "/"), r'"HEAD / HTTP/1.1" 200 0 "-" "-"'),
    (build_request("GET", "/?a=%22b%22"), r'"GET /\?a=%22b%22 HTTP/1.1" 200 12 "-" "-"'),
    (build_request("POST", "/x", version="1.0", body=b"abc"), r'"POST /x HTTP/1.0" 200 12 "-" "-"'),
]


def test_default_format(serve: Serve) -> None:
    server = serve("--access-logfile", "-", "hello:app")
    for raw, pattern in REQUESTS:
        mark = server.stdout.mark()
        with server.client() as client:
            client.send(raw)
            client.read_response("HEAD" if raw.startswith(b"HEAD") else "GET")
        server.stdout.wait_for(rf"^127\.0\.0\.1 - - {TIME} {pattern}$", since=mark)


def test_one_line_per_request_and_none_lost_at_the_end(serve: Serve, tmp_path: Path) -> None:
    """The access log is buffered: what was answered is in the file when the server has ended."""
    log = tmp_path / "access.log"
    server = serve("--threads", "2", "--access-logfile", str(log), "hello:app")
    with server.client() as client:
        for number in range(500):
            client.get(f"/{number}")
    server.terminate()
    lines = log.read_text().splitlines()
    assert [re.search(r"GET /(\d+) ", line)[1] for line in lines] == [str(number) for number in range(500)]  # type: ignore[index]


def test_log_injection(serve: Serve) -> None:
    """What a client sends can neither begin a line nor end a quoted field."""
    server = serve("--access-logfile", "-", "--access-logformat", "%(U)s %(q)s %(a)s end", "oracle:app")
    with server.client() as client:
        client.get("/echo/%0d%0aInjected%1b[31m?%0a", {"User-Agent": "caf\xe9"})
    server.stdout.wait_for("end\n")
    raw = server.stdout.raw()
    assert raw.count(b"\n") == 1
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", raw)


def test_access_log_is_off_by_default(serve: Serve) -> None:
    server = serve("hello:app")
    with server.client() as client:
        client.get("/")
    server.terminate()
    assert server.stdout.text() == ""


def test_files_are_beneath_chdir(serve: Serve, tmp_path: Path) -> None:
    """The working directory is the one that `chdir` names before any log is opened."""
    options = ("--access-logfile", "access.log", "--error-logfile", "error.log")
    server = serve("--chdir", str(tmp_path), "--pythonpath", str(APPS), *options, "hello:app", ready=None)
    wait_until(lambda: "Booting worker" in read(tmp_path / "error.log"), "a line in the error log")
    server.terminate()
    assert (tmp_path / "access.log").exists()


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize(
    "options, worker, master",
    [
        # The master has not loaded the application, so it stays where it was.
        (("time_zone:app",), "+0900", "+0000"),
        (("--preload", "time_zone:app"), "+0900", "+0900"),
        # TZ alone moves no process: the C library looks at it again when time.tzset is called.
        (("--env", "TZ=Asia/Tokyo", "hello:app"), "+0000", "+0000"),
    ],
)
def test_the_time_zone_follows_the_application(
    serve: Serve, options: tuple[str, ...], worker: str, master: str
) -> None:
    server = serve("--access-logfile", "-", "--access-logformat", "%(t)s", *options, env={"TZ": "UTC"})
    with server.client() as client:
        client.get("/")
    server.stdout.wait_for(rf"^\[\d\d/.* {re.escape(worker)}\]$")
    server.terminate()
    for offset, line in [(worker, "Worker exiting"), (master, "Shutting down: Master")]:
        assert re.search(rf" {re.escape(offset)}\] .*{line}", server.stderr.text())


def test_reopened_on_usr1(serve: Serve, tmp_path: Path) -> None:
    access, error = tmp_path / "access.log", tmp_path / "error.log"
    server = serve(
        *("-w", "2", "--access-logfile", str(access), "--error-logfile", str(error), "hello:app"), ready=None
    )
    wait_until(lambda: error.exists() and error.read_text().count("Booting worker") == 2, "two workers")
    with Load(server) as load:
        for number in range(3):
            os.rename(access, tmp_path / f"access.{number}")
            os.rename(error, tmp_path / f"error.{number}")
            server.signal(signal.SIGUSR1)
            wait_until(lambda: access.exists() and error.exists(), "new files")
            load.wait_answers(50)
    server.terminate()
    assert load.failures == []
    assert "Handling signal: term" in error.read_text()
    logs = [access, *(tmp_path / f"access.{number}" for number in range(3))]
    lines = [line for log in logs for line in log.read_text().splitlines()]
    assert len(lines) == len(load.answers)
    assert all(line.endswith('"GET / HTTP/1.1" 200 12 "-" "-"') for line in lines)


def test_syslog(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "syslog"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(15)
        server = serve("--log-syslog", "--log-syslog-to", f"unix://{path}#dgram", "hello:app", ready=None)
        wait_until(lambda: server.workers(), "a worker")
        with server.client() as client:
            client.get("/")
        got = []
        while not any(b".access:" in line for line in got):
            got.append(receiver.recv(65536))
        text = b"\n".join(got).decode()
    name = program_name()
    assert re.search(rf"<\d+>{name}\.[^ ]*error: \[\d+\] Booting worker with pid", text), text
    assert re.search(
        rf'<\d+>{name}\.[^ ]*access: \[\d+\] 127\.0\.0\.1 - - .*"GET / HTTP/1.1" 200 12', text
    ), text


def test_full_pipe_does_not_stop_the_server(serve: Serve) -> None:
    """Nobody reads the access log's pipe: requests are answered all the same."""
    read_end, write_end = os.pipe()
    try:
        path = f"/proc/self/fd/{write_end}"
        server = serve("--access-logfile", path, "hello:app", pass_fds=(write_end,))
        with server.client() as client:
            for _ in range(3000):
                assert client.get("/" + "x" * 1000).status == 200
    finally:
        os.close(read_end)
        os.close(write_end)


def test_capture_output(serve: Serve, tmp_path: Path) -> None:
    log = tmp_path / "error.log"
    server = serve("--capture-output", "--error-logfile", str(log), "errors_stream:app", ready=None)
    wait_until(lambda: log.exists() and "Booting worker" in log.read_text(), "a worker")
    with server.client() as client:
        client.get("/?captured")
    wait_until(lambda: "written captured" in log.read_text(), "output in the log")


def test_capture_output_follows_the_error_log_of_a_reload(serve: Serve, tmp_path: Path) -> None:
    config, first, second = (tmp_path / name for name in ("settings.py", "first", "second"))
    source = "capture_output = True\ndef post_worker_init(worker):\n    print('printed', flush=True)\n"
    config.write_text(f"{source}errorlog = {str(first)!r}\n")
    server = serve("-c", str(config), "hello:app", ready=None)
    wait_until(lambda: first.exists() and "printed\n" in first.read_text(), "the first worker's output")
    config.write_text(f"{source}errorlog = {str(second)!r}\n")
    server.signal(signal.SIGHUP)
    wait_until(lambda: second.exists() and "printed\n" in second.read_text(), "the second worker's output")
    assert first.read_text().count("printed\n") == 1
    assert server.terminate() == 0
