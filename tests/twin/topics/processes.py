"""What the processes look like: pid file, daemon, user, umask, title, environment, preload, and how many."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
from pathlib import Path

from harness import DeadlineError, wait_until
from harness.processes import children, is_alive
from twin.play import Run
from twin.scenario import Scenario, Step
from twin.steps import ask, body_of, see_path, see_pid_file, send_signal, stop, wait_log, wait_workers

CLOSE = {"Connection": "close"}


def world(*keys: str) -> Step:
    """See what the application finds its process to be like."""
    return body_of("process", read=lambda seen: {key: seen[key] for key in keys})


def scenario(
    name: str,
    settings: tuple[str, ...],
    *arguments: str,
    steps: tuple[Step, ...] = (),
    files: dict[str, str] | None = None,
    env: dict[str, str] | None = None,
    workers: int = 1,
    bind: str = "tcp",
    app: str = "world:app",
) -> Scenario:
    """A server whose application tells what it is."""
    return Scenario(
        f"process-{name}", settings, (*arguments, app), steps, files or {}, env or {}, bind, workers
    )


def touched_until(path: str, pattern: str) -> Step:
    """Change the time of a file until that is noticed: the first look of a reloader may come after a
    change.
    """

    def step(run: Run) -> None:
        times = itertools.count(2_000_000_000)

        def is_noticed() -> bool:
            os.utime(run.path(path), (1, next(times)))
            with contextlib.suppress(DeadlineError):
                return run.server.stderr.wait_for(pattern, 2.5) is not None
            return False

        wait_until(is_noticed, f"{pattern} on stderr", run.deadline_s)

    return step


def titles(run: Run) -> None:
    """See the titles of the master and of a worker."""

    def title(pid: int) -> str:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()

    wait_until(lambda: ": " in title(run.server.wait_workers(1)[0]), "the title of the worker")
    run.see("title of the master", title(run.server.pid))
    run.see("title of the worker", title(run.server.wait_workers(1)[0]))


def daemon(run: Run) -> None:
    """The daemon that a command has left: where it stands, what it does on WINCH, TTIN and TERM."""
    run.see("exit of the command", run.server.wait_exit(run.deadline_s))
    run.wait_answer()
    pid = int(run.wait_file("pid", r"\d+"))
    run.names.know(pid, "D")
    run.see(
        "is a session of its own",
        os.getsid(pid) != os.getsid(run.server.pid if is_alive(run.server.pid) else 0),
    )
    run.see("stdin", os.readlink(f"/proc/{pid}/fd/0"))
    run.see("directory", os.readlink(f"/proc/{pid}/cwd"))
    world("umask", "cwd")(run)
    wait_until(lambda: len(children(pid)) == 1, "a worker")
    os.kill(pid, signal.SIGWINCH)
    wait_until(lambda: children(pid) == [], "WINCH to end the workers")
    os.kill(pid, signal.SIGTTIN)
    wait_until(lambda: len(children(pid)) == 1, "a worker after TTIN")
    world("umask")(run)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not is_alive(pid), "the end")
    see_path("pid")(run)


SCENARIOS: list[Scenario] = [
    scenario("plain", (), steps=(world("uid", "gid", "cwd", "umask"),)),
    scenario(
        "pidfile",
        ("pidfile",),
        "-p",
        "{dir}/pid",
        steps=(see_pid_file, see_path("pid"), stop(), see_path("pid")),
    ),
    scenario(
        "pidfile-stale",
        ("pidfile",),
        "-p",
        "{dir}/pid",
        steps=(see_pid_file,),
        files={"pid": "999999999\n"},
    ),
    scenario(
        "pidfile-nonsense",
        ("pidfile",),
        "-p",
        "{dir}/pid",
        steps=(see_pid_file,),
        files={"pid": "nonsense\n"},
    ),
    Scenario(
        "process-daemon",
        ("daemon", "pidfile"),
        ("-D", "-p", "{dir}/pid", "--log-file", "{dir}/log", "world:app"),
        (daemon,),
        is_server=False,
    ),
    Scenario(
        "process-daemon-keeps-output",
        ("enable_stdio_inheritance",),
        ("-D", "-R", "-p", "{dir}/pid", "world:app"),
        (daemon, wait_log("Shutting down")),
        is_server=False,
    ),
    # Preloaded, because the user may not be allowed to read what the worker would import.
    *[
        Scenario(
            f"process-{name}",
            settings,
            ("--preload", *arguments, "world:app"),
            (world("uid", "gid"),),
            needs_root=True,
        )
        for name, settings, arguments in (
            ("user-and-group", ("user", "group"), ("-u", "65534", "-g", "65534")),
            ("group-alone", ("group",), ("-g", "65534")),
            ("initgroups", ("initgroups",), ("-u", "65534", "-g", "65534", "--initgroups")),
        )
    ],
    scenario(
        "umask", ("umask",), "-m", "0o27", bind="unix:{dir}/sock", steps=(see_path("sock"), world("umask"))
    ),
    scenario("umask-default", ("umask",), bind="unix:{dir}/sock", steps=(see_path("sock"),)),
    scenario(
        "worker-tmp-dir",
        ("worker_tmp_dir",),
        "--worker-tmp-dir",
        "{dir}",
        steps=(ask("get", "/x", CLOSE),),
        app="hello:app",
    ),
    scenario(
        "tmp-upload-dir",
        ("tmp_upload_dir",),
        steps=(ask("get", "/x", CLOSE),),
        app="hello:app",
        files={"gunicorn.conf.py": "tmp_upload_dir = '/nonexistent'\n"},
    ),
    scenario(
        "worker-tmp-dir-missing",
        ("worker_tmp_dir",),
        "--worker-tmp-dir",
        "{dir}/no",
        app="hello:app",
        steps=(ask("get", "/", CLOSE),),
    ),
    scenario(
        "preload",
        ("preload_app",),
        "--preload",
        steps=(
            body_of(
                "process", read=lambda seen: {"imported in the master": seen["imported_by"] == seen["ppid"]}
            ),
        ),
    ),
    scenario(
        "no-preload",
        ("preload_app",),
        steps=(
            body_of(
                "process", read=lambda seen: {"imported in the worker": seen["imported_by"] == seen["pid"]}
            ),
        ),
    ),
    scenario("title", ("default_proc_name",), steps=(titles,), app="hello:app"),
    scenario("title-named", ("proc_name",), "-n", "shop", steps=(titles,), app="hello:app"),
    scenario(
        "title-of-wsgi-app",
        ("wsgi_app", "default_proc_name"),
        steps=(titles,),
        app="--workers=1",
        files={"gunicorn.conf.py": "wsgi_app = 'hello:app'\n"},
    ),
    scenario("workers", ("workers",), "-w", "3", steps=(wait_workers(3),), workers=3),
    scenario(
        "web-concurrency", ("workers",), env={"WEB_CONCURRENCY": "2"}, steps=(wait_workers(2),), workers=2
    ),
    scenario(
        "max-requests",
        ("max_requests",),
        "--max-requests",
        "2",
        steps=(
            ask("one", "/", CLOSE),
            ask("two", "/", CLOSE),
            wait_log("Autorestarting"),
            wait_log("Booting worker", 2),
            ask("three", "/", CLOSE),
            wait_workers(1),
        ),
        app="hello:app",
    ),
    scenario(
        "software",
        (),
        steps=(
            body_of(
                "process",
                read=lambda seen: {
                    key: seen["environ"].get(key, "(absent)") for key in ("SERVER_SOFTWARE", "GUNICORN_PID")
                },
            ),
        ),
    ),
    scenario(
        "reload",
        ("reload", "reload_engine"),
        "--reload",
        "--reload-engine",
        "poll",
        app="changing:app",
        files={"changing.py": "from hello import app\n"},
        steps=(
            ask("get", "/", CLOSE),
            touched_until("changing.py", "Worker reloading: .*changing.py modified"),
            wait_log("Booting worker", 2),
            ask("get again", "/", CLOSE),
        ),
    ),
    scenario(
        "reload-extra-file",
        ("reload_extra_files", "reload"),
        "--reload",
        "--reload-engine",
        "poll",
        "--reload-extra-file",
        "{dir}/extra.txt",
        app="hello:app",
        files={"extra.txt": "x"},
        steps=(
            ask("get", "/", CLOSE),
            touched_until("extra.txt", "Worker reloading: .*extra.txt modified"),
            wait_log("Booting worker", 2),
        ),
    ),
    Scenario(
        "process-reload-extra-file-missing",
        ("reload_extra_files",),
        ("--check-config", "--reload-extra-file", "{dir}/no.txt", "hello:app"),
        is_server=False,
        bind=None,
    ),
    Scenario(
        "process-spew",
        ("spew",),
        ("--spew", "hello:app"),
        (
            ask("get", "/", CLOSE),
            lambda run: run.see(
                "traced", wait_until(lambda: "hello:" in run.server.stdout.text(), "a trace")
            ),
        ),
        unseen_lines=(".",),
    ),
    scenario(
        "hup-new-workers",
        ("workers",),
        app="hello:app",
        files={"gunicorn.conf.py": "workers = 1\n"},
        steps=(
            # A worker of Gunicorn's that boots loses the TERM of a reload.
            ask("before", "/", CLOSE),
            lambda run: run.path("gunicorn.conf.py").write_text("workers = 2\n"),
            send_signal(signal.SIGHUP),
            wait_log("Booting worker", 3),
            wait_workers(2),
        ),
    ),
]
