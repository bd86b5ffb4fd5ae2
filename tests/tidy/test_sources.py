"""Sizes, heads, `unsafe`, Python's place, unwrap, notes to self and machine paths, in every file.

Each test lists every offender with its line, so that one run shows all there is to do.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tidy.sources import files, is_rust_test, rust_code, shipped_rust_code, text, with_suffix

LINES_MAX = 600
# Flat tables may be long. Each with its reason.
LONG: dict[str, str] = {}
UNSAFE_MAY_STAND = re.compile(r"^(crates/bridge/src/ffi/|crates/master/src/(fork|scoreboard)(\.rs|/)|fuzz/)")
# Put together here, so that this file does not contain what it looks for.
MACHINE_PATHS = re.compile("|".join(f"/{name}/" for name in ("work", "root", "home/[a-z]+", "Users/[a-z]+")))
NOTES = re.compile(
    r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b(?! ?\(#\d+\))"
)


def offenders(paths: list[Path], pattern: re.Pattern[str], read: object = text) -> list[str]:
    """`file:line: text` for every line that matches."""
    assert callable(read)
    found = []
    for path in paths:
        for number, line in enumerate(read(path).splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path}:{number}: {line.strip()[:100]}")
    return found


def test_there_is_something_to_look_at() -> None:
    assert len(with_suffix(".rs")) > 20
    assert len(with_suffix(".py")) > 20


def test_file_sizes() -> None:
    sizes = {str(path): len(text(path).splitlines()) for path in with_suffix(".rs", ".py")}
    assert {path: size for path, size in sizes.items() if size > LINES_MAX and path not in LONG} == {}
    assert [path for path in LONG if sizes.get(path, 0) <= LINES_MAX] == [], "no exception is needed"


def test_rust_files_open_with_what_they_own() -> None:
    """Apart from tests.rs, which its module's head speaks for."""
    paths = [path for path in with_suffix(".rs") if path.name != "tests.rs"]
    assert [str(path) for path in paths if not text(path).startswith("//!")] == []


def test_the_map_names_every_file() -> None:
    """ARCHITECTURE.md has one line for each source file, and none for a file that is gone."""
    shipped = [path for path in with_suffix(".rs", ".py") if re.match(r"crates/\w+/src/|python/", str(path))]
    sources = {str(path) for path in shipped if path.name != "tests.rs" and "tests" not in path.parts}
    named = set(re.findall(r"^\| `([^`]+\.(?:rs|py))` \|", text(Path("ARCHITECTURE.md")), re.MULTILINE))
    assert named ^ sources == set()


def test_python_files_open_with_a_docstring() -> None:
    pattern = re.compile(r'\A(#![^\n]*\n)?(#[^\n]*\n)*\s*r?"""')
    assert [str(path) for path in with_suffix(".py") if text(path) and not pattern.match(text(path))] == []


def test_unsafe_stands_where_it_may() -> None:
    paths = [path for path in with_suffix(".rs") if not UNSAFE_MAY_STAND.match(str(path))]
    assert offenders(paths, re.compile(r"\bunsafe\b(?! *_)"), rust_code) == []


def test_unsafe_says_why() -> None:
    """Every block that is unsafe has a SAFETY comment within the six lines above it, or on its own line."""
    missing = []
    for path in with_suffix(".rs"):
        lines, code = text(path).splitlines(), rust_code(path).splitlines()
        for number, line in enumerate(code):
            if re.search(r"\bunsafe \{", line):
                above = "\n".join(lines[max(0, number - 6) : number + 1])
                if "SAFETY:" not in above:
                    missing.append(f"{path}:{number + 1}")
    assert missing == []


def test_python_is_known_to_the_bridge_alone() -> None:
    sources = [path for path in with_suffix(".rs", ".toml") if not str(path).startswith("crates/bridge/")]
    crates = [path for path in sources if str(path).startswith(("crates/", "fuzz/"))]
    assert crates
    assert offenders(crates, re.compile(r"\bpyo3(_ffi|-ffi)?\b"), _code_or_toml) == []


def _code_or_toml(path: Path) -> str:
    return rust_code(path) if path.suffix == ".rs" else re.sub("#.*", "", text(path))


def test_rooms_do_not_know_each_other() -> None:
    """Dependencies point one way: only the bridge depends on the other rooms."""
    for room in ("settings", "logs", "engine", "master"):
        manifest = re.sub("#.*", "", text(Path(f"crates/{room}/Cargo.toml")))
        assert re.findall(rf"tricorn-(?!{room})\w+ *[.=]", manifest) == [], room


def test_no_unwrap_in_what_ships() -> None:
    paths = [path for path in with_suffix(".rs") if not is_rust_test(path)]
    assert offenders(paths, re.compile(r"\.unwrap\(\)"), shipped_rust_code) == []


@pytest.mark.parametrize("name", ["util", "utils", "helpers", "common", "misc", "manager"])
def test_no_file_without_a_noun(name: str) -> None:
    assert [str(path) for path in files() if path.stem == name or name in path.parts[:-1]] == []


def test_no_notes_to_self() -> None:
    assert offenders(files(), NOTES) == []


def test_no_paths_of_one_machine() -> None:
    assert offenders(files(), MACHINE_PATHS) == []


def test_generated_settings_reference_exists() -> None:
    """That it is current is a test of the settings crate, which can generate it."""
    page = text(Path("docs/reference/settings.md"))
    assert all(
        f"`{name}`" in page or f"--{name}" in page for name in ("bind", "workers", "threads", "timeout")
    )
