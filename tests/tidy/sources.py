"""The repository's files and their text, as the tidy tests read them.

Owns the list of files (what git tracks or would track) and the few regular expressions that take comments,
strings and test modules out of Rust text. Judges nothing.
"""

from __future__ import annotations

import functools
import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent
_TEXT = {".rs", ".py", ".pyi", ".toml", ".md", ".json", ".sh", ".yml", ".yaml", ".cfg", ".txt", ""}
_GENERATED = re.compile(r"^(Cargo\.lock|tests/cases/|fuzz/corpus/|bench/(raw|runs|results)/|.*\.jsonl$)")
_STRING = re.compile(r'b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"', re.DOTALL)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


@functools.cache
def files() -> list[Path]:
    """All text files of the repository, relative to it: what is tracked, and what is new and not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    if listing.returncode == 0:
        names = listing.stdout.splitlines()
    else:  # an unpacked source archive
        names = [str(path.relative_to(REPOSITORY)) for path in REPOSITORY.rglob("*") if path.is_file()]
    kept = [Path(name) for name in names if not _GENERATED.match(name) and Path(name).suffix in _TEXT]
    return sorted(
        path for path in kept if (REPOSITORY / path).is_file() and not (REPOSITORY / path).is_symlink()
    )


def with_suffix(*suffixes: str) -> list[Path]:
    """The files with these suffixes."""
    return [path for path in files() if path.suffix in suffixes]


@functools.cache
def text(path: Path) -> str:
    """The text of a file of the repository."""
    return (REPOSITORY / path).read_text(encoding="utf-8", errors="replace")


def rust_code(path: Path) -> str:
    """Rust text without comments and string contents; line numbers stay as they are."""
    bare = _STRING.sub(lambda match: '""' + "\n" * match[0].count("\n"), text(path))
    return _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), bare)


def shipped_rust_code(path: Path) -> str:
    """As `rust_code`, without what is compiled for tests only (inline test modules end a file)."""
    code = rust_code(path)
    return re.split(r"#\[cfg\(test\)\]\s*mod \w+ \{", code, maxsplit=1)[0]


def is_rust_test(path: Path) -> bool:
    """Whether the file is compiled for tests only."""
    parts = set(path.parts)
    return bool(parts & {"tests", "benches", "examples", "fuzz"}) or path.name in ("tests.rs", "build.rs")
