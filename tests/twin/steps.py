"""What a scenario can do and look at: requests on the wire, signals, files, packets, processes.

Used by `topics/`. Each function here makes a step (see `scenario.py`), or is one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time
from collections.abc import Callable
from typing import Any

from harness import Client, DeadlineError, Response, WireError, build_request, wait_until
from twin.normal import log_lines
from twin.play import Run
from twin.scenario import Step
from twin.settings import SETTINGS

PROBE = b"GET /probe HTTP/1.1\r\nHost: a.test\r\n\r\n"
# `gunicorn` as it stands in names of metrics.
METRIC = "g-unicorn"


# Requests


def ask(
    name: str,
    target: str = "/",
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    body: bytes | None = None,
    version: str = "1.1",
) -> Step:
    """Send one request on a connection of its own and see the response, and whether the connection is
    kept.
    """
    return raw(name, build_request(method, target, headers, body, version), method=method)


def raw(name: str, data: bytes, *, method: str = "GET", half_close: bool = False) -> Step:
    """As `ask`, with the bytes of the request."""

    def step(run: Run) -> None:
        with run.server.client() as client:
            client.send(data)
            if half_close:
                client.shutdown_write()
            response = seen_response(client, method)
        see_response(run, name, response)

    return step


def see_response(run: Run, name: str, response: Any) -> None:
    """Note a response; the words of an error page are a field of their own, since both are free to choose
    them.
    """
    if isinstance(response, dict) and re.match(r"HTTP/\S+ [45]", response.get("status", "")):
        run.see(f"page {name}", response.pop("body"))
        response["headers"] = [line for line in response["headers"] if not line.startswith("Content-Length")]
    run.see(f"response {name}", response)


def seen_response(client: Client, method: str = "GET") -> Any:
    """The response as data, and what becomes of the connection after it."""
    try:
        response = client.try_response(method)
    except (WireError, DeadlineError) as error:
        return {"error": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
    if response is None:
        return "closed without a response"
    return {**response_data(response), "connection after it": _afterwards(client, response)}


def response_data(response: Response) -> dict[str, Any]:
    """What a client sees of a response."""
    data: dict[str, Any] = {
        "status": f"HTTP/{response.version} {response.status} {response.reason}",
        "headers": [f"{name}: {value}" for name, value in response.headers],
        "body": response.body.decode("utf-8", "backslashreplace"),
    }
    if response.framing not in ("none", "length"):
        data["framing"] = response.framing
    if response.interim:
        data["interim"] = [f"{one.status} {one.headers}" for one in response.interim]
    return data


def _afterwards(client: Client, response: Response) -> str:
    if response.framing == "close":
        return "closed"
    try:
        client.send(PROBE)
        return "closed" if client.try_response() is None else "kept"
    except (DeadlineError, WireError):
        return "open, without an answer"


def environ_of(name: str, keys: tuple[str, ...] = (), *steps: bytes, target: str = "/") -> Step:
    """Send a request (the bytes of `steps`, or a GET) to environ_dump and see the environ; `keys`: only
    these.
    """

    def step(run: Run) -> None:
        with run.server.client() as client:
            for data in steps or (build_request("GET", target, {"Connection": "close"}),):
                client.send(data)
            try:
                response = client.try_response()
            except WireError as error:
                run.see(f"response {name}", str(error))
                return
        if response is None or response.status != 200:
            see_response(run, name, None if response is None else response_data(response))
            return
        environ = {
            key: value if value is not None else "an object"
            for key, (_, value) in response.json()["environ"].items()
        }
        chosen = {key: environ.get(key, "(absent)") for key in keys} if keys else environ
        for key in ("REMOTE_PORT", "PROXY_PORT"):
            if str(chosen.get(key, "")).isdigit() and not keys:
                chosen[key] = "CLIENT"
        run.see(f"environ {name}", chosen)

    return step


def body_of(name: str, target: str = "/", read: Callable[[Any], Any] = lambda value: value) -> Step:
    """GET a JSON document and see it, or what `read` takes from it."""

    def step(run: Run) -> None:
        with run.server.client() as client:
            run.see(name, read(client.get(target, {"Connection": "close"}).json()))

    return step


# Signals and logs


def send_signal(number: int) -> Step:
    """Send a signal to the master."""
    return lambda run: run.server.signal(number)


def stop(number: int = signal.SIGTERM) -> Step:
    """Stop the server with this signal, and see its exit code."""
    return lambda run: run.stop(number)


def wait_log(pattern: str, count: int = 1) -> Step:
    """Wait until the error log on stderr has so many lines with this pattern."""

    def step(run: Run) -> None:
        run.wait_log(pattern, count)

    return step


def wait_workers(count: int) -> Step:
    """Wait until there are so many workers, and see that."""

    def step(run: Run) -> None:
        run.wait_workers(count)
        run.see(f"workers are {count}", True)

    return step


def wait_own_log(pattern: str) -> Step:
    """As `wait_log`, for a line that only Tricorn writes."""

    def step(run: Run) -> None:
        if run.program.name == "tricorn":
            run.wait_log(pattern)

    return step


def expect_exit(run: Run) -> None:
    """The server has been told to end: see its exit code."""
    run.expect_exit()


def see_lines(name: str, pattern: str) -> Step:
    """See which text `pattern` finds on stderr, in order; for what is not a log line."""
    return lambda run: run.see(
        name, [found[0] for found in re.finditer(pattern, run.server.stderr.text(), re.M)]
    )


# Streams and files, mostly of commands that end by themselves


def wait_end(run: Run) -> None:
    """Wait until the command has ended by itself, so that its streams are complete."""
    run.server.wait_exit(run.deadline_s)
    run.server.stdout.wait_end()
    run.server.stderr.wait_end()


def see_stdout(run: Run) -> None:
    """See all of stdout."""
    run.see("stdout", run.server.stdout.text())


def see_file(path: str, pattern: str = "", *, only: str = "") -> Step:
    """Wait until a file has `pattern`, and see its lines, or those with `only`."""

    def step(run: Run) -> None:
        lines = run.wait_file(path, pattern).splitlines()
        run.see(f"file {path}", [line for line in lines if re.search(only, line)])

    return step


def see_pid_file(run: Run) -> None:
    """See whose pid is in the file `pid`."""
    run.see("file pid", [f"pid:{line}" for line in run.wait_file("pid", ".").splitlines()])


def see_log_file(path: str, pattern: str) -> Step:
    """As `see_file`, for an error log: each line as level and message, and what is no log line as it is."""

    def step(run: Run) -> None:
        lines = run.wait_file(path, pattern).splitlines()
        parsed = [(log_lines(line), line) for line in lines]
        run.see(
            f"log in {path}",
            [f"{found[0].level} {found[0].message}" if found else line for found, line in parsed],
        )

    return step


def listening(run: Run) -> None:
    """Wait until the server accepts connections, where no line on stderr says so."""
    run.wait_answer()


def see_printed(*names: str) -> Step:
    """After --print-config: see the lines of these settings."""

    def step(run: Run) -> None:
        wait_end(run)
        printed = dict(re.findall(r"^(\w+) *= ?(.*)$", run.server.stdout.text(), re.M))
        for name in names:
            run.see(f"print {name}", printed.get(name, "(not printed)"))

    return step


def see_all_printed(run: Run) -> None:
    """After --print-config: see all lines, but for the settings that Gunicorn does not have."""
    wait_end(run)
    for name, value in re.findall(r"^(\w+) *= ?(.*)$", run.server.stdout.text(), re.M):
        if name in SETTINGS:
            run.see(f"print {name}", value)


def see_error(run: Run) -> None:
    """See the last line of stderr of a command that has failed, and whether there is a traceback."""
    wait_end(run)
    text = run.server.stderr.text()
    run.see("stderr ends with", (text.strip().splitlines() or [""])[-1])
    run.see("traceback", "Traceback (most recent call last)" in text)


def see_path(path: str) -> Step:
    """See whether a path exists, of which kind it is and its permissions."""

    def step(run: Run) -> None:
        target = run.path(path)
        seen = "absent"
        with contextlib.suppress(FileNotFoundError):
            mode = os.lstat(target).st_mode
            seen = f"{'socket' if target.is_socket() else 'file'} {mode & 0o777:o}"
        run.see(f"path {path}", seen)

    return step


# Packets


def see_packets(name: str, pattern: str, count: int = 1) -> Step:
    """Collect datagrams until so many of them have `pattern`; see those, in order.

    Names of metrics are a promise, so `gunicorn` in them is not taken for the name of a program.
    """

    def step(run: Run) -> None:
        found: list[str] = []
        end = time.monotonic() + run.deadline_s
        while len(found) < count and (left_s := end - time.monotonic()) > 0:
            run.udp.settimeout(left_s)
            with contextlib.suppress(TimeoutError):
                packet = run.udp.recv(65536).decode("utf-8", "backslashreplace")
                found += [packet] if re.search(pattern, packet) else []
        seen = [re.sub(r"\d+\.\d+(?=\|ms)", "MS", packet) for packet in found]
        if name != "syslog":
            seen = [packet.replace("gunicorn", METRIC) for packet in seen]
        run.see(f"packets {name}", seen)

    return step


def then(question: Callable[[Run], Any], what: str) -> Step:
    """Wait until the answer is truthy."""

    def step(run: Run) -> None:
        wait_until(lambda: question(run), what, run.deadline_s)

    return step


def pretty(value: Any) -> str:
    """One value as text of one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
