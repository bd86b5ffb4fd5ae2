"""Makes the virtual environment the servers are started from. Run by bench/setup; used by nothing else.

Every line of requirements.txt is installed by itself, so that one peer that does not build stops no other.
What failed is written with its reason into the environment, where peers.py reads it: a peer is never skipped
without a word.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
UNAVAILABLE = "bench-unavailable.json"
VENV_TIMEOUT_S, INSTALL_TIMEOUT_S = 600, 900


def read_requirements(path: Path) -> list[str]:
    lines = (line.split("#", 1)[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def package_of(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]


def reason_of(output: str) -> str:
    """The line of pip's output that names the cause: a compiler's first error, else pip's own."""
    lines = [line.strip() for line in output.splitlines()]
    for pattern in (r"fatal error: ", r"(?<!subprocess-exited-with-)error: (?!subprocess)", r"ERROR: "):
        for line in lines:
            if re.search(pattern, line) and "metadata-generation" not in line:
                return re.sub(r"/\S*/", "", line)
    return lines[-1] if lines else "pip said nothing"


def install(python: Path, requirement: str, *options: str) -> str | None:
    """Installs one requirement; returns why it could not be, or None."""
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *options]
    command.append(requirement)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"pip did not finish within {INSTALL_TIMEOUT_S} s"
    return None if done.returncode == 0 else reason_of(done.stdout + done.stderr)


def make_environment(python: str, venv: Path) -> bool:
    try:
        return (
            subprocess.run([python, "-m", "venv", str(venv)], check=False, timeout=VENV_TIMEOUT_S).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def note(failed: dict[str, str], package: str, reason: str | None) -> None:
    print(f"{package}: {reason or 'installed'}", flush=True)
    if reason is not None:
        failed[package] = reason


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/setup", description=__doc__)
    parser.add_argument("--venv", type=Path, default=BENCH.parent / ".venv-bench", help="where to make it")
    parser.add_argument("--python", default=sys.executable, help="the interpreter to make it from")
    parser.add_argument(
        "--tricorn",
        metavar="WHEEL",
        help="a wheel of Tricorn to install beside its peers; the folder of its source is built first",
    )
    return parser.parse_args()


def main() -> int:
    args = arguments()
    if not make_environment(args.python, args.venv):
        print(f"bench/setup: {args.python} could not make {args.venv}", file=sys.stderr)
        return 1
    python = args.venv / "bin" / "python"
    failed: dict[str, str] = {}
    for requirement in read_requirements(BENCH / "requirements.txt"):
        note(failed, package_of(requirement), install(python, requirement))
    if args.tricorn:
        # pip would keep another build of the same version.
        note(failed, "tricorn", install(python, args.tricorn, "--force-reinstall", "--no-deps"))
    (args.venv / UNAVAILABLE).write_text(json.dumps(failed, indent=1) + "\n")
    if "flask" in failed or "tricorn" in failed:
        print(
            "bench/setup: without Flask (and the wheel that was asked for) nothing can be measured",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
