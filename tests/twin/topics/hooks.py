"""Hooks: which are called in which process and order, what they are given, and what becomes of one that
raises.
"""

from __future__ import annotations

import re
import signal

from twin.play import Run
from twin.scenario import Scenario, Step
from twin.steps import ask, see_file, send_signal, stop, wait_log, wait_workers

ALL = ("-c", "python:every_hook", "hooked:app")
NOTES = "events.txt"
IN_MASTER = "^(nworkers_changed|on_|when_ready|pre_fork|child_exit)"


def notes(until: str, *, has_order: bool = True, only: str = "") -> Step:
    """Wait for a hook's note; see those of the master and those of the workers, each in their order, or as
    a set where old and new workers run at the same time. `only`: those with this pattern.
    """

    def step(run: Run) -> None:
        lines = run.wait_file(NOTES, until).splitlines()
        lines = [line for line in lines if re.search(only, line)]
        if not has_order:
            lines.sort()
        run.see(
            "notes of the master",
            [line for line in lines if " in the worker" not in line and not line.startswith("application")],
        )
        run.see(
            "notes of the workers",
            [line for line in lines if " in the worker" in line or line.startswith("application")],
        )

    return step


def wait_note(pattern: str, count: int = 1) -> Step:
    """Wait until a hook has noted something."""

    def step(run: Run) -> None:
        run.wait_file(NOTES, pattern, count)

    return step


def raising(hook: str, arguments: str, *steps: Step, settings: tuple[str, ...] = ()) -> Scenario:
    """A hook that raises: what the client, the log and the exit code show."""
    text = f"def {hook}({arguments}):\n    raise RuntimeError('hook {hook} on purpose')\n"
    return Scenario(
        f"hook-{hook}-raises",
        (hook, *settings),
        ("hooked:app",),
        steps,
        {"gunicorn.conf.py": text},
        unseen_lines=("^Booting worker", "^Worker exiting"),
    )


def refused(hook: str, arguments: str) -> Scenario:
    """A hook that raises and ends the start."""
    text = f"def {hook}({arguments}):\n    raise RuntimeError('hook {hook} on purpose')\n"
    return Scenario(
        f"hook-{hook}-raises", (hook,), ("hooked:app",), (), {"gunicorn.conf.py": text}, is_server=False
    )


READY = wait_note("^post_worker_init")
CLOSE = {"Connection": "close"}

SCENARIOS: list[Scenario] = [
    Scenario(
        "hooks-start-request-stop",
        (
            "on_starting",
            "nworkers_changed",
            "when_ready",
            "pre_fork",
            "post_fork",
            "post_worker_init",
            "pre_request",
            "post_request",
            "worker_exit",
            "child_exit",
            "on_exit",
        ),
        ALL,
        (READY, ask("get", "/a?b", CLOSE), wait_note("^post_request"), stop(), notes("^on_exit")),
    ),
    Scenario(
        "hooks-post-request-follows-close",
        ("post_request",),
        ALL,
        (
            READY,
            ask("get", "/", CLOSE),
            wait_note("^post_request"),
            wait_note("close"),
            stop(),
            notes("^on_exit"),
        ),
        env={"CLOSE_IS_NOTED": "1"},
    ),
    Scenario(
        "hooks-application-error",
        ("post_request",),
        (*ALL[:2], "replies:app"),
        (
            READY,
            ask("error", "/raises", CLOSE),
            wait_note("^post_request"),
            notes("^post_request", only="^post_request"),
        ),
    ),
    Scenario(
        "hooks-int", ("worker_int", "worker_exit"), ALL, (READY, stop(signal.SIGINT), notes("^on_exit"))
    ),
    Scenario("hooks-quit", ("worker_int",), ALL, (READY, stop(signal.SIGQUIT), notes("^on_exit"))),
    Scenario(
        "hooks-ttin-ttou",
        ("nworkers_changed",),
        ALL,
        (
            READY,
            send_signal(signal.SIGTTIN),
            wait_note("^post_worker_init", 2),
            wait_workers(2),
            send_signal(signal.SIGTTOU),
            wait_note("^child_exit"),
            wait_workers(1),
            stop(),
            notes("^on_exit"),
        ),
    ),
    Scenario(
        "hooks-hup",
        ("on_reload",),
        ALL,
        (
            READY,
            send_signal(signal.SIGHUP),
            wait_note("^child_exit"),
            wait_note("^post_worker_init", 2),
            wait_workers(1),
            stop(),
            notes("^on_exit", has_order=False),
        ),
        unseen_lines=("^Worker exiting", "^Booting worker"),
    ),
    Scenario(
        "hooks-abort",
        ("worker_abort", "timeout"),
        # From the timeout to the KILL our worker has 2 s, but no longer than the timeout itself.
        (*ALL[:2], "--timeout", "3", "sleeps:app"),
        (
            READY,
            ask("stuck", "/?ms=60000", CLOSE),
            wait_note("^child_exit"),
            notes("^child_exit", only="^(worker_abort|worker_exit|child_exit|post_request)", has_order=False),
        ),
        unseen_lines=(".",),
    ),
    Scenario(
        "hooks-post-request-two-arguments",
        ("post_request",),
        ("hooked:app",),
        (ask("get", "/x", CLOSE), see_file("seen.txt", "seen")),
        {
            "gunicorn.conf.py": "def post_request(worker, req):\n    open('seen.txt', 'a').write('seen ' + "
            "req.path)\n"
        },
    ),
    Scenario(
        "hooks-listeners",
        ("when_ready",),
        ("hooked:app",),
        (wait_log("listeners"),),
        {
            "gunicorn.conf.py": "def when_ready(server):\n"
            "    server.log.warning('listeners %s', [str(one) for one in server.LISTENERS])\n"
        },
    ),
    Scenario(
        "hooks-log",
        ("when_ready", "post_fork"),
        ("hooked:app",),
        (wait_log("in the worker"),),
        {
            "gunicorn.conf.py": "def when_ready(server):\n    server.log.info('ready %s', 1)\n"
            "def post_fork(server, worker):\n    server.log.warning('in the worker')\n"
        },
    ),
    refused("on_starting", "server"),
    refused("when_ready", "server"),
    refused("post_fork", "server, worker"),
    refused("post_worker_init", "worker"),
    raising("pre_request", "worker, req", ask("get", "/", CLOSE), ask("again", "/", CLOSE)),
    raising(
        "post_request",
        "worker, req, environ, resp",
        ask("get", "/", CLOSE),
        wait_log("post_request"),
        ask("again", "/", CLOSE),
    ),
    raising("worker_exit", "server, worker", ask("get", "/", CLOSE)),
    raising("on_exit", "server", ask("get", "/", CLOSE)),
    raising(
        "child_exit",
        "server, worker",
        ask("get", "/", CLOSE),
        send_signal(signal.SIGTTIN),
        wait_workers(2),
        send_signal(signal.SIGTTOU),
        wait_log("hook child_exit on purpose"),
    ),
]
