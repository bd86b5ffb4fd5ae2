"""The table of servers: one row each, with its command line and what makes it comparable.

Called by session.py (who runs) and server.py (how). Owns command lines and availability; starts nothing but
the C compiler for the baseline. Comparable means for all rows: one worker and one application thread unless
the scenario says otherwise, access log off, keep-alive on, HTTP/1.1 over loopback TCP, all other settings as
the server ships.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
SPARE_CONNECTIONS = 200  # the load's own, and those that are about to be closed


class Unavailable(Exception):
    """A server cannot be measured; the text is the reason the report gives."""


@dataclass(frozen=True)
class Shape:
    """How many workers and application threads a run uses; `label` names it where a scenario has several."""

    label: str = ""
    workers: int = 1
    threads: int = 1
    preload: bool = False
    idle: int = 0  # connections that are open beside those of the load


@dataclass(frozen=True)
class Place:
    """Where things are on this machine. Nothing of it is written to a result: `public` hides it."""

    venv: Path
    tricorn: Path | None
    built: Path

    def public(self, text: str) -> str:
        """`text` with this machine's paths replaced by names."""
        names = [(self.built, "$BUILT"), (self.venv, "$VENV"), (BENCH, "$BENCH"), (Path.home(), "$HOME")]
        if self.tricorn is not None and self.tricorn.parent != self.venv / "bin":
            names.insert(0, (self.tricorn.parent, "$TRICORN"))
        for path, name in names:
            text = text.replace(str(path), name)
        return text


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One row. `{threads}` becomes `one_thread` or `many_threads`; None: it has one thread only.

    `{idle}` becomes `idle` where `{n}` idle connections must be kept; empty: its defaults keep them.
    """

    name: str
    package: str | None
    command: str
    one_thread: str = ""
    many_threads: str | None = None
    many_workers: bool = True
    preload: str = ""
    idle: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    comparable: str
    needs: str = ""
    is_default: bool = True


TRICORN = Peer(
    name="tricorn",
    package="tricorn",
    command="{tricorn} -w {workers} {threads} {preload} {idle} -b 127.0.0.1:{port} {app}",
    many_threads="--threads {n}",
    preload="--preload",
    idle="--worker-connections {n} --keep-alive 600",
    comparable="the sync worker: the app is called on the thread that polled",
)
CONSTANT_LOOP = Peer(
    name="constant-loop",
    package=None,
    command="{built}/constant_loop {port}",
    many_workers=False,
    comparable="baseline/constant_loop.c: no Python, no HTTP parser, one recv and one send per request",
)
APP_ALONE = Peer(
    name="app-alone",
    package=None,
    command="{bin}/python {bench}/baseline/app_alone.py {app}",
    many_workers=False,
    comparable="baseline/app_alone.py: the app called in a loop, no socket",
)
PEERS: tuple[Peer, ...] = (
    TRICORN,
    Peer(
        name="gunicorn",
        package="gunicorn",
        command="{bin}/gunicorn -k gthread -w {workers} --threads {threads} {preload} --keep-alive 75 "
        "{idle} -b 127.0.0.1:{port} {app}",
        one_thread="1",
        many_threads="{n}",
        preload="--preload",
        idle="--worker-connections {n} --keep-alive 600",
        comparable="gthread with one thread, because its sync worker closes every connection",
    ),
    Peer(
        name="granian",
        package="granian",
        command="{bin}/granian --interface wsgi --http 1 --runtime-mode st --workers {workers} "
        "--blocking-threads {threads} {idle} --host 127.0.0.1 --port {port} {app}",
        one_thread="1",
        many_threads="{n}",
        idle="--backlog {n} --backpressure {n} --http1-header-read-timeout 60000",
        comparable="single-threaded runtime, one blocking thread: its fastest setting for one Python thread",
    ),
    Peer(
        name="bjoern",
        package="bjoern",
        command="{bin}/python {bench}/launch/bjoern_serve.py {app} {port} {workers}",
        preload=" ",
        comparable="single-threaded by nature; workers are forked after the app is loaded",
        needs="a C compiler and libev's headers (Debian: libev-dev)",
    ),
    Peer(
        name="fastpysgi",
        package="fastpysgi",
        command="{bin}/python {bench}/launch/fastpysgi_serve.py {app} {port} {workers}",
        preload=" ",
        comparable="single-threaded by nature; workers are forked after the app is loaded",
    ),
    Peer(
        name="freastal",
        package="freastal",
        command="{bin}/python {bench}/launch/freastal_serve.py {app} {port} {workers}",
        preload=" ",
        comparable="single-threaded by nature; workers are multiprocessing children",
    ),
    Peer(
        name="peregrine",
        package="peregrine-server",
        command="{bin}/peregrine --protocol wsgi --workers {workers} --wsgi-threads {threads} "
        "--keep-alive 75000 --log-level warning --no-auto-venv {idle} --host 127.0.0.1 --port {port} {app}",
        one_thread="1",
        many_threads="{n}",
        idle="--max-connections {n}",
        comparable="one WSGI thread: the app is called on the loop's thread",
    ),
    Peer(
        name="weft",
        package="weft-server",
        command="{bin}/weft --protocol wsgi --workers {workers} --wsgi-threads {threads} --keep-alive 75 "
        "--log-level warning --no-auto-venv {idle} --host 127.0.0.1 --port {port} {app}",
        one_thread="0",
        many_threads="{n}",
        idle="--max-connections {n}",
        comparable="zero WSGI threads: the app is called on the worker's thread",
    ),
    Peer(
        name="uwsgi",
        package="uwsgi",
        command="{bin}/uwsgi --master --disable-logging --http 127.0.0.1:{port} --http-keepalive=1 "
        "--processes {workers} {threads} --wsgi {app}",
        many_threads="--threads {n}",
        preload=" ",
        comparable="through its own HTTP router (a process more): a worker's own socket holds one connection",
        is_default=False,
    ),
    Peer(
        name="waitress",
        package="waitress",
        command="{bin}/waitress-serve --listen=127.0.0.1:{port} --threads={threads} {idle} {app}",
        one_thread="1",
        many_threads="{n}",
        many_workers=False,
        idle="--connection-limit={n} --asyncore-use-poll --channel-timeout=600",
        comparable="one application thread beside its loop's thread",
        is_default=False,
    ),
)


def command_line(peer: Peer, shape: Shape, place: Place, app: str, port: int | str) -> list[str]:
    """The argv that starts `peer` in `shape`; raises Unavailable where it has no such mode."""
    if shape.threads > 1 and peer.many_threads is None:
        raise Unavailable("has one application thread only")
    if shape.workers > 1 and not peer.many_workers:
        raise Unavailable("has one worker only")
    threads = (peer.many_threads or "").format(n=shape.threads) if shape.threads > 1 else peer.one_thread
    filled = peer.command.format(
        tricorn=shlex.quote(str(place.tricorn)),
        bin=shlex.quote(str(place.venv / "bin")),
        built=shlex.quote(str(place.built)),
        bench=shlex.quote(str(BENCH)),
        workers=shape.workers,
        threads=threads,
        preload=peer.preload if shape.preload else "",
        idle=peer.idle.format(n=shape.idle + SPARE_CONNECTIONS) if shape.idle else "",
        port=port,
        app=app,
    )
    return shlex.split(filled)


def installed_versions(python: Sequence[str]) -> dict[str, str]:
    """Versions of the interpreter that `python` starts (as `python`) and of its distributions.

    `python build` (date, compiler) tells apart two interpreters of one version: that may matter as much.
    """
    program = (
        "import json, platform, sys; from importlib.metadata import distributions; "
        "found = {d.metadata['Name'].lower(): d.version for d in distributions()}; "
        "found['python'] = platform.python_implementation() + ' ' + platform.python_version(); "
        "found['python build'] = sys.version; "
        "print(json.dumps(found))"
    )
    done = subprocess.run([*python, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def check_installed(peer: Peer, place: Place, installed: Mapping[str, str]) -> None:
    """Raises Unavailable with the reason where `peer` is not there to be started."""
    if peer is TRICORN:
        if place.tricorn is None:
            raise Unavailable("no tricorn command beside the interpreter; give --tricorn PATH")
        return
    if peer.package is None or peer.package in installed:
        return
    reason = _install_failures(place.venv).get(peer.package, "not installed (run bench/setup)")
    raise Unavailable(f"{reason}; it needs {peer.needs}" if peer.needs else reason)


def _install_failures(venv: Path) -> dict[str, str]:
    try:
        failures: dict[str, str] = json.loads((venv / "bench-unavailable.json").read_text())
    except (OSError, ValueError):
        return {}
    return failures


def build_constant_loop(place: Place) -> None:
    """Compiles the baseline; raises Unavailable where there is no C compiler or it refuses."""
    source, target = BENCH / "baseline" / "constant_loop.c", place.built / "constant_loop"
    command = ["cc", "-O2", "-Wall", "-o", str(target), str(source)]
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except FileNotFoundError:
        raise Unavailable("no C compiler (cc) on the path") from None
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"cc: {place.public(error.stderr.strip().splitlines()[0])}") from None
