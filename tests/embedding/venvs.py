"""Virtual environments of their own for programs that need other packages than the tests.

Made with the running interpreter when first asked for, cached in the repository under a name that git
ignores, one per list of requirements. They see the Tricorn under test through a path file, and the
distribution `tricorn-gunicorn` is installed from its folder, as its users do.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

import tricorn

REPOSITORY = Path(__file__).parent.parent.parent
ALIAS = REPOSITORY / "compat" / "tricorn-gunicorn"

# The last releases before Flask 2, with which programs of that time run.
FLASK_SCRIPT = (
    "Flask==1.1.4",
    "Werkzeug==1.0.1",
    "Jinja2<3.1",
    "MarkupSafe<2.1",
    "itsdangerous<2.1",
    "click<8",
    "Flask-Script==2.0.6",
    "setuptools<81",  # builds the old source distributions among these
)


def python_with(*requirements: str) -> Path:
    """The interpreter of an environment with these packages and the import package `gunicorn`, ours."""
    folder = REPOSITORY / f".venv-tests-{_key(requirements)}"
    python, stamp = folder / "bin" / "python", folder / "complete"
    with (folder.with_suffix(".lock")).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one test process makes it, the others wait
        if not stamp.exists():
            venv.create(folder, with_pip=True, clear=True)
            _install(python, *requirements)
            _install(python, "--no-deps", str(ALIAS))
            _see_tricorn(python)
            stamp.touch()
    return python


def _key(requirements: tuple[str, ...]) -> str:
    sources = [path.read_bytes() for path in sorted(ALIAS.rglob("*")) if path.suffix in (".py", ".toml")]
    parts = [sys.version.encode(), str(_home_of_tricorn()).encode(), *map(str.encode, requirements), *sources]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def _install(python: Path, *arguments: str) -> None:
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{arguments}\n{done.stderr[-4000:]}"


def _home_of_tricorn() -> Path:
    return Path(tricorn.__file__).parent.parent


def _see_tricorn(python: Path) -> None:
    """A path file: the same interpreter finds the Tricorn under test, behind the packages of its own."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    answer = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    (Path(answer) / "tricorn-under-test.pth").write_text(f"{_home_of_tricorn()}\n")
