"""The command line of the bench: choices, checks of the machine, one session, one report.

Called by run.py. Exit status: 0 measured, 1 nothing could be measured, 2 a wrong argument or an unfit
machine.
"""

from __future__ import annotations

import argparse
import datetime
import difflib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from sidebyside import machine
from sidebyside.measure import Pace
from sidebyside.peers import BENCH, PEERS, TRICORN, Peer, Place, installed_versions
from sidebyside.report import as_json, as_table
from sidebyside.scenarios import SCENARIOS, Scenario
from sidebyside.session import RawFile, Session, jobs
from sidebyside.tricorn_command import find_tricorn, stack_difference, stack_of, version_of

QUICK_ROUNDS, QUICK_S = 2, 2
_Row = TypeVar("_Row", Peer, Scenario)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="bench/run.py", description="Tricorn and its peers, side by side.")
    add = made.add_argument
    add("--scenarios", default="", metavar="A,B", help="which (all, or names; --list shows them)")
    add("--servers", default="", metavar="A,B", help="which (all, or names; --list shows them)")
    add("--rounds", type=int, default=5, help="each round runs every row once (default 5)")
    add("--seconds", type=int, default=5, help="length of a measured window (default 5)")
    add("--warm", type=int, default=1, metavar="SECONDS", help="load before each window (default 1)")
    add(
        "--quiet-wait",
        type=int,
        default=10,
        metavar="SECONDS",
        help="wait up to this for both cores to be idle",
    )
    add("--quick", action="store_true", help="2 rounds of 2 s: a smoke test, kept under bench/raw/tmp only")
    add("--venv", type=Path, default=BENCH.parent / ".venv-bench", help="made by bench/setup")
    add("--tricorn", type=Path, metavar="PATH", help="the tricorn command (default: beside the interpreter)")
    add("--reference", default=TRICORN.name, metavar="SERVER", help="what ratios are to (default tricorn)")
    add("--server-cpu", type=int, default=0, metavar="N", help="the core of the server (default 0)")
    add("--client-cpu", type=int, default=1, metavar="N", help="the core of wrk (default 1)")
    add("--seed", type=int, default=0, help="of the order within rounds")
    add("--raw", type=Path, metavar="FILE", help="where raw results go (default bench/raw/<date>.jsonl)")
    add("--json", action="store_true", help="print the report as JSON")
    add("--list", action="store_true", help="list servers with their command lines, and scenarios")
    return made


def refuse(message: str) -> NoReturn:
    print(f"bench/run.py: {message}", file=sys.stderr)
    sys.exit(2)


def chosen(names: str, table: Sequence[_Row], what: str) -> list[_Row]:
    """The rows of `table` that `names` asks for; nothing asked for means the default ones."""
    if not names:
        return [row for row in table if row.is_default]
    if names == "all":
        return list(table)
    by_name = {row.name: row for row in table}
    for name in names.split(","):
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, n=1)
            refuse(
                f"no {what} {name!r}"
                + (f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(by_name)}")
            )
    return [by_name[name] for name in dict.fromkeys(names.split(","))]


def check(args: argparse.Namespace) -> None:
    """Refuses arguments and machines that could only give wrong numbers."""
    for name in ("rounds", "seconds", "warm"):
        if getattr(args, name) < 1:
            refuse(f"--{name} must be at least 1, not {getattr(args, name)}")
    if args.quiet_wait < 0:
        refuse(f"--quiet-wait must not be negative, as {args.quiet_wait} is")
    usable = os.sched_getaffinity(0)
    for name, cpu in (("server-cpu", args.server_cpu), ("client-cpu", args.client_cpu)):
        if cpu not in usable:
            refuse(
                f"--{name} {cpu} is not a core this process may use ({', '.join(map(str, sorted(usable)))})"
            )
    if args.server_cpu == args.client_cpu:
        refuse("server and client need a core each")
    for tool, package in (("wrk", "wrk"), ("taskset", "util-linux")):
        if shutil.which(tool) is None:
            refuse(f"{tool} is not on the path (Debian: package {package})")
    if not (args.venv / "bin" / "python").exists():
        refuse(f"{args.venv} is no virtual environment; make it with bench/setup --venv {args.venv}")
    if args.tricorn is not None and not os.access(args.tricorn, os.X_OK):
        refuse(f"--tricorn {args.tricorn} is not an executable file")
    chosen(args.reference, PEERS, "server")


def settle(args: argparse.Namespace) -> None:
    """Takes this program's own place: off the server's core, and endable."""
    os.sched_setaffinity(0, {args.client_cpu})
    # TERM ends the session as Ctrl-C does: the server is ended with it, and what was measured is printed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def raw_path(args: argparse.Namespace) -> Path:
    if args.raw is not None:
        return Path(args.raw)
    folder = BENCH / "raw" / "tmp" if args.quick else BENCH / "raw"
    return folder / f"{datetime.datetime.now(datetime.timezone.utc).date().isoformat()}.jsonl"


def listing() -> str:
    lines = ["servers (* runs by default)"]
    for peer in PEERS:
        lines += [f"{'*' if peer.is_default else ' '} {peer.name}: {peer.comparable}", f"    {peer.command}"]
    lines.append("scenarios (* runs by default)")
    lines += [
        f"{'*' if scenario.is_default else ' '} {scenario.name}: {scenario.title}" for scenario in SCENARIOS
    ]
    return "\n".join(lines)


def main() -> int:
    args = parser().parse_args()
    if args.list:
        print(listing())
        return 0
    check(args)
    if args.quick:
        args.rounds, args.seconds, args.quiet_wait = QUICK_ROUNDS, QUICK_S, 0
    scenarios = chosen(args.scenarios, SCENARIOS, "scenario")
    peers = chosen(args.servers, PEERS, "server")
    settle(args)
    with tempfile.TemporaryDirectory(prefix="bench-") as built:
        place = Place(args.venv.absolute(), find_tricorn(args.tricorn, args.venv.absolute()), Path(built))
        session = _session(args, place)
        try:
            results = session.run(jobs(scenarios, peers), args.rounds, args.seed)
        except KeyboardInterrupt:
            print("interrupted: what was measured so far", file=sys.stderr)
            results = session.results
    render = as_json if args.json else as_table
    print(render(scenarios, results, args.reference, args.rounds))
    print(f"raw results: {os.path.relpath(session.raw.path)}", file=sys.stderr)
    return 0 if any("figures" in run for run in results.runs) else 1


def _session(args: argparse.Namespace, place: Place) -> Session:
    installed = installed_versions([str(place.venv / "bin" / "python")])
    session = Session(
        place=place,
        pace=Pace(args.seconds, args.warm, args.server_cpu, args.client_cpu, args.quiet_wait),
        raw=RawFile(raw_path(args), _constants(args, installed)),
        installed=installed,
    )
    if place.tricorn is not None:
        installed[TRICORN.name] = version_of(place.tricorn)
        session.results.obstacle = stack_difference(stack_of(place.tricorn), installed)
        if session.results.obstacle is not None:
            session.tell(f"beware, there will be no verdict: {session.results.obstacle}")
    return session


def _constants(args: argparse.Namespace, installed: dict[str, str]) -> dict[str, object]:
    """What every raw line of this session carries."""
    return {
        "session": f"{datetime.datetime.now(datetime.timezone.utc):%Y%m%dT%H%M%SZ}-{os.getpid()}",
        "seconds": args.seconds,
        "warm_s": args.warm,
        "cpus": {"server": args.server_cpu, "client": args.client_cpu},
        "python": installed["python"],
        "flask": installed.get("flask"),
        "werkzeug": installed.get("werkzeug"),
        "commit": machine.commit(BENCH),
        "machine": machine.facts(),
    }
