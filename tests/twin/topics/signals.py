"""Signals to the master and to a worker: what goes on, what ends, with which lines and exit codes."""

from __future__ import annotations

import os
import re
import signal

from harness import build_request, wait_until
from harness.processes import is_alive
from twin.play import Run
from twin.scenario import Scenario, Step
from twin.steps import (
    ask,
    body_of,
    see_path,
    see_pid_file,
    seen_response,
    send_signal,
    stop,
    then,
    wait_log,
    wait_own_log,
    wait_workers,
)

CLOSE = {"Connection": "close"}
# A worker of Gunicorn's serves when this has been noted; for ours the server under test has been waited for.
INIT = "def post_worker_init(worker):\n    worker.log.info('initialised')\n"
# Lines of workers come when they come.
BY_CHANCE = ("^Worker exiting", "^Booting worker", "^initialised", "^Start complete")


def scenario(
    name: str,
    *steps: Step,
    settings: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
    app: str = "hello:app",
    conf: str = "",
    workers: int = 1,
    unseen: tuple[str, ...] = BY_CHANCE,
) -> Scenario:
    """A server that has begun to serve, and then steps; signals before that are another matter."""
    return Scenario(
        f"signal-{name}",
        settings,
        (*arguments, app),
        (wait_log("initialised", workers), *steps),
        {"gunicorn.conf.py": INIT + conf},
        workers=workers,
        unseen_lines=unseen,
    )


def during_a_request(number: int, ms: int, name: str = "of the request") -> Step:
    """Send a signal to the master while a request is served, and see its response."""

    def step(run: Run) -> None:
        with run.server.client(30.0) as client:
            client.send(build_request("GET", f"/?ms={ms}", CLOSE))
            run.wait_file("begun.txt", "begun")
            run.server.signal(number)
            seen = seen_response(client)
            if isinstance(seen, dict) and seen.get("status", "").startswith("HTTP/1.1 200"):
                seen = seen["status"]
            run.see(f"response {name}", seen)
        run.expect_exit()

    return step


BEGINS = "def pre_request(worker, req):\n    open('begun.txt', 'a').write('begun\\n')\n"


def asked_until(path: str, pattern: str) -> Step:
    """Send requests until the file has the pattern; see the line. The worker may reopen its log after the
    master.
    """

    def step(run: Run) -> None:
        def is_there() -> bool:
            with run.server.client() as client:
                client.get("/", CLOSE)
            return re.search(pattern, run.path(path).read_text()) is not None

        wait_until(is_there, f"{pattern} in {path}")
        run.see(f"file {path}", run.path(path).read_text().splitlines()[0])

    return step


def to_worker(number: int) -> Step:
    """Send a signal to the only worker."""

    def step(run: Run) -> None:
        os.kill(run.server.wait_workers(1)[0], number)

    return step


def worker_changes(number: int) -> Step:
    """Send a signal to the worker, and see whether it is replaced, or still there after a request."""

    def step(run: Run) -> None:
        before = run.server.wait_workers(1)[0]
        os.kill(before, number)
        ask("after it", "/", CLOSE)(run)
        with_patience = then(lambda run: run.server.workers() != [], "a worker")
        with_patience(run)
        run.see("the worker is still there", is_alive(before))

    return step


SCENARIOS: list[Scenario] = [
    scenario("term", stop(signal.SIGTERM)),
    scenario("int", stop(signal.SIGINT)),
    scenario("quit", stop(signal.SIGQUIT)),
    scenario("term-with-two", stop(signal.SIGTERM), arguments=("-w", "2"), settings=("workers",), workers=2),
    scenario(
        "term-finishes-request",
        during_a_request(signal.SIGTERM, 700),
        settings=("graceful_timeout",),
        app="sleeps:app",
        conf=BEGINS,
    ),
    scenario(
        "term-finishes-request-gthread",
        during_a_request(signal.SIGTERM, 700),
        settings=("graceful_timeout", "threads"),
        arguments=("--threads", "2"),
        app="sleeps:app",
        conf=BEGINS,
    ),
    scenario(
        "term-cuts-after-graceful-timeout",
        during_a_request(signal.SIGTERM, 20000),
        settings=("graceful_timeout",),
        arguments=("--graceful-timeout", "1"),
        app="sleeps:app",
        conf=BEGINS,
        unseen=(*BY_CHANCE, "Perhaps out of memory"),
    ),
    scenario(
        "int-cuts-request",
        during_a_request(signal.SIGINT, 20000),
        settings=("graceful_timeout",),
        arguments=("--graceful-timeout", "2"),
        app="sleeps:app",
        conf=BEGINS,
    ),
    scenario("ttin", send_signal(signal.SIGTTIN), wait_log("initialised", 2), wait_workers(2)),
    scenario(
        "ttou",
        send_signal(signal.SIGTTOU),
        wait_workers(1),
        arguments=("-w", "2"),
        workers=2,
        settings=("workers",),
    ),
    scenario(
        "ttou-keeps-one",
        send_signal(signal.SIGTTOU),
        wait_log("Handling signal: ttou"),
        wait_workers(1),
        ask("get", "/", CLOSE),
    ),
    scenario(
        "hup", send_signal(signal.SIGHUP), wait_log("initialised", 2), wait_workers(1), ask("get", "/", CLOSE)
    ),
    scenario(
        "hup-is-complete",
        send_signal(signal.SIGHUP),
        wait_log("initialised", 2),
        wait_own_log("Reload complete"),
        wait_workers(1),
        unseen=("^Worker exiting", "^Booting worker", "^initialised"),
    ),
    scenario(
        "hup-keeps-pidfile",
        send_signal(signal.SIGHUP),
        wait_log("initialised", 2),
        wait_workers(1),
        see_pid_file,
        stop(),
        see_path("pid"),
        arguments=("-p", "{dir}/pid"),
        settings=("pidfile",),
    ),
    scenario(
        "hup-preloaded",
        send_signal(signal.SIGHUP),
        wait_log("initialised", 2),
        wait_workers(1),
        ask("get", "/", CLOSE),
        arguments=("--preload",),
        settings=("preload_app",),
    ),
    scenario(
        "usr1-reopens-logs",
        lambda run: run.path("access").rename(run.path("access.1")),
        send_signal(signal.SIGUSR1),
        wait_log("Handling signal: usr1"),
        then(lambda run: run.path("access").exists(), "the new file"),
        asked_until("access", "GET"),
        arguments=("--access-logfile", "{dir}/access", "--access-logformat", "%(r)s %(s)s"),
        settings=("accesslog",),
    ),
    scenario(
        "winch-without-daemon",
        send_signal(signal.SIGWINCH),
        wait_log("Handling signal: winch"),
        ask("get", "/", CLOSE),
        wait_workers(1),
    ),
    scenario(
        "usr2",
        send_signal(signal.SIGUSR2),
        wait_log("Starting .*(?:\n.*)*Starting"),
        wait_log("initialised", 2),
        see_path("pid.2"),
        stop(),
        settings=("pre_exec", "pidfile"),
        arguments=("-p", "{dir}/pid"),
        unseen=(".",),
    ),
    scenario("worker-term", to_worker(signal.SIGTERM), wait_log("initialised", 2), ask("get", "/", CLOSE)),
    scenario("worker-kill", to_worker(signal.SIGKILL), wait_log("initialised", 2), ask("get", "/", CLOSE)),
    scenario("worker-segv", to_worker(signal.SIGSEGV), wait_log("initialised", 2), ask("get", "/", CLOSE)),
    scenario("worker-hup", to_worker(signal.SIGHUP), ask("get", "/", CLOSE), wait_workers(1)),
    scenario("worker-winch", worker_changes(signal.SIGWINCH)),
    scenario("worker-usr1", worker_changes(signal.SIGUSR1)),
    scenario(
        "worker-exits-by-itself",
        ask("cut", "/os-exit", CLOSE),
        wait_log("initialised", 2),
        # A pid, which has as many digits as it has.
        body_of("get", read=lambda _: "answered"),
        app="dies:app",
    ),
    scenario(
        "timeout-of-a-request",
        ask("stuck", "/?ms=30000", CLOSE),
        wait_log("initialised", 2),
        settings=("timeout",),
        arguments=("--timeout", "1"),
        app="sleeps:app",
        # Whether ABRT or KILL ends it is a race.
        unseen=(*BY_CHANCE, "exited with code", "was sent SIG"),
    ),
    scenario(
        "timeout-none",
        ask("slow", "/?ms=1500", CLOSE),
        settings=("timeout",),
        arguments=("--timeout", "0"),
        app="slow_json:app",
    ),
    scenario(
        "no-timeout-for-threads",
        body_of("slow", "/?ms=4500", lambda _: "answered"),
        settings=("timeout", "threads"),
        # Gunicorn's worker beats once a second.
        arguments=("--timeout", "3", "--threads", "2"),
        app="slow_json:app",
    ),
]
