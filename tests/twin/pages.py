"""Writes docs/differences.md, and the table of settings in docs/migrating-from-gunicorn.md: `python -m
twin.pages`.

Called by `make docs`. The rows come from `differences.json`, what was seen from `results.json`; a test
compares the pages with what this module would write.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twin.judge import Difference, changes_more_than_words, differences, later, results, sections
from twin.settings import SETTINGS, WITHOUT_SCENARIO, without_effect
from twin.topics import SCENARIOS

DOCS = Path(__file__).parent.parent.parent / "docs"
DIFFERENCES = DOCS / "differences.md"
GUIDE = DOCS / "migrating-from-gunicorn.md"
BEGIN = "<!-- The table: written by `make docs` from tests/twin/results.json. -->"
END = "<!-- The end of the table. -->"
_SHOWN_MAX = 90
_HEAD = """# Differences from Gunicorn

<!-- Written by `make docs` from tests/twin/differences.json (the rows) and tests/twin/results.json (what
was seen).
     Change those, not this page. -->

Tricorn is a drop-in for Gunicorn 27.0.1. This page lists every place where it deliberately does something
else, why, and the test that holds it to that. What is merely not there yet is in the [README](../README.md)
and at the end of this page. A difference that is not on this page is a bug.

"scenario x" is the scenario with that name in tests/twin: it runs both programs, compares what users see,
and fails on a difference that no row here explains, and on a row whose difference is gone. "case x" is the
case with that id in tests/cases/http1.jsonl, run by `tests/http1/test_cases.py::test_case`; the cases that
end in 413 run with `--limit-request-body 10000000`, as there is no limit by default. Other tests are named
`file::test`.
"""
_TABLE_HEAD = "| what | Gunicorn 27.0.1 | Tricorn | why | test |\n|---|---|---|---|---|\n"
_SEEN_HEAD = """
## What the scenarios saw

| scenario | seen in | Gunicorn 27.0.1 | Tricorn |
|---|---|---|---|
"""
_LATER_HEAD = """
## Not there yet

Scenarios that Gunicorn passes and Tricorn does not; each fails its test when it begins to pass.

| scenario | why |
|---|---|
"""


def differences_page() -> str:
    """All of docs/differences.md."""
    parts = [_HEAD]
    for section in sections():
        rows = [row for row in differences() if row.section == section["title"]]
        intro = f"{section['intro']}\n\n" if section.get("intro") else ""
        parts.append(f"\n## {section['title']}\n\n{intro}{_TABLE_HEAD}" + "".join(map(_row, rows)))
    parts.append(_SEEN_HEAD)
    for name, seen in results().items():
        for field, values in seen.get("differing", {}).items():
            parts.append(_line(f"`{name}`", field, *(f"`{_shown(value)}`" for value in values)))
    parts.append(_LATER_HEAD)
    parts += [_line(f"`{name}`", reason) for name, reason in later().items()]
    return "".join(parts)


def _row(row: Difference) -> str:
    return _line(row.what, row.gunicorn, row.tricorn, row.why, "; ".join(_tests(row)))


def _tests(row: Difference) -> list[str]:
    """The references of a row: its own, then the scenarios it claims (or the first that has its log
    lines).
    """
    found = [row.test] if row.test else []
    names = list(dict.fromkeys(claim.partition(": ")[0] for claim in row.twin))
    if names:
        found.append(f"scenario{'s' * (len(names) > 1)} " + ", ".join(f"`{name}`" for name in names))
    if row.lines_seen_in and row.lines_seen_in not in names:
        found.append(f"scenario `{row.lines_seen_in}`")
    return found


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _shown(value: Any) -> str:
    """A value in one short line that Markdown leaves alone."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text.replace("\n", " ").replace("`", "'").replace("|", "\\|").strip()
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"


def settings_table() -> str:
    """The table of the migration guide."""
    lines = ["| setting | | seen by |\n|---|---|---|\n"]
    lines += [_line(f"`{name}`", *verdict(name)) for name in SETTINGS]
    return "".join(lines)


def verdict(setting: str) -> tuple[str, str]:
    """`same`, `different` or `no effect`, and the scenarios or the reason behind it."""
    names = [scenario.name for scenario in SCENARIOS if setting in scenario.settings]
    seen = ", ".join(f"`{name}`" for name in names) or WITHOUT_SCENARIO.get(setting, "")
    if reason := without_effect().get(setting):
        return "no effect" if reason == "no effect yet" else f"no effect: {reason}", seen
    different = [
        name
        for name in names
        if name in later() or changes_more_than_words(name, results().get(name, {}).get("differing", {}))
    ]
    if different:
        return "different", ", ".join(f"`{name}`" for name in different)
    return ("same", seen) if names else ("not compared", seen)


def guide_page() -> str:
    """The migration guide with its table written anew."""
    text = GUIDE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{settings_table()}\n{END}{after}"


def main() -> None:
    """Write both pages."""
    DIFFERENCES.write_text(differences_page())
    GUIDE.write_text(guide_page())


if __name__ == "__main__":
    main()
