"""What a session says: a table per scenario, the targets, and what disturbed it; or all of it as JSON.

Called by command.py. It computes nothing beyond figures.py and targets.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sidebyside.figures import Span, ratios, rows, values
from sidebyside.peers import PEERS
from sidebyside.scenarios import Scenario
from sidebyside.session import Results
from sidebyside.targets import TARGETS, judge

ROUNDS_MIN = 5
NOISE_LOUD = 0.05
HEADINGS = {
    "cpu_us": "CPU us/request",
    "user_us": "user us/request",
    "requests_per_s": "requests/s",
    "p99_ms": "p99 ms",
    "pss_mib": "PSS MiB",
    "worker_pss_mib": "worker PSS MiB",
    "fast_p99_over_ideal": "fast p99 / ideal",
    "fast_p99_ms": "fast p99 ms",
    "idle_rss_bytes": "RSS bytes/idle",
    "lost_percent": "% of requests/s lost",
}
NOISE = {"busy_before": "before runs", "foreign_busy": "during runs"}


def reference_row(results: Results, scenario: Scenario, reference: str, row: str) -> str | None:
    """What `row` is divided by: itself in the first shape where shapes are compared, else `reference`."""
    if len(scenario.shapes) > 1:
        return f"{row.partition(', ')[0]}, {scenario.shapes[0].label}"
    found = rows(results.runs, scenario.name)
    return reference if reference in found else None


def stand_in(results: Results, scenario: Scenario, reference: str) -> str:
    """`reference`, or the first other server that has results, where it has none."""
    found = rows(results.runs, scenario.name)
    if reference in found or len(scenario.shapes) > 1:
        return reference
    in_table_order = (peer.name for peer in PEERS if peer.name in found)
    return next(in_table_order, reference)


def as_table(scenarios: Sequence[Scenario], results: Results, reference: str, rounds: int) -> str:
    parts = [_scenario(scenario, results, reference) for scenario in scenarios]
    parts += [_targets(scenarios, results), _disturbance(results, rounds)]
    return "\n\n".join(part for part in parts if part)


def _scenario(scenario: Scenario, results: Results, reference: str) -> str:
    used = stand_in(results, scenario, reference)
    beside = f"the same server, {scenario.shapes[0].label}" if len(scenario.shapes) > 1 else used
    title = f"{scenario.name}: {scenario.title}"
    title += f"\n  each cell: ratio to {beside} (least to greatest round) | median"
    if used != reference:
        title += f"\n  {reference} has no results here, so ratios are to {used}"
    lines = [["server", *(HEADINGS[figure] for figure in scenario.figures), "rounds"]]
    key = scenario.figures[0]
    for row in sorted(rows(results.runs, scenario.name), key=lambda row: _rank(scenario, results, row, key)):
        lines.append(_row(scenario, results, used, row))
    absent = [
        f"  {row}: not available: {reason}"
        for (name, row), reason in results.unavailable.items()
        if name == scenario.name
    ]
    lost = [
        f"  {run['row']}: round {run['round']} lost: {run['error']}"
        for run in results.runs
        if run["scenario"] == scenario.name
        and "error" in run
        and (scenario.name, run["row"]) not in results.unavailable
    ]
    return "\n".join([title, *aligned(lines), *absent, *lost])


def _rank(scenario: Scenario, results: Results, row: str, figure: str) -> float:
    span = Span.of(values(results.runs, scenario.name, row, figure))
    if span is None:
        return 0.0
    return -span.median if figure == "requests_per_s" else span.median


def _row(scenario: Scenario, results: Results, used: str, row: str) -> list[str]:
    cells = [row]
    below_row = reference_row(results, scenario, used, row)
    counted = 0
    for figure in scenario.figures:
        mine = values(results.runs, scenario.name, row, figure)
        counted = max(counted, len(mine))
        below = values(results.runs, scenario.name, below_row, figure) if below_row else {}
        cells.append(_cell(Span.of(mine), Span.of(ratios(mine, below))))
    return [*cells, str(counted)]


def _cell(absolute: Span | None, ratio: Span | None) -> str:
    if absolute is None:
        return "-"
    shown = f"{absolute.median:.0f}" if absolute.median >= 1000 else f"{absolute.median:.2f}"
    if ratio is None:
        return f"- | {shown}"
    return f"{ratio.median:.2f} ({ratio.least:.2f}-{ratio.greatest:.2f}) | {shown}"


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width; the first to the left, the others to the right."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]


def _targets(scenarios: Sequence[Scenario], results: Results) -> str:
    names = {scenario.name for scenario in scenarios}
    lines = []
    for target in TARGETS:
        if target.read is not None and target.scenario not in names:
            words = f"not judged: scenario {target.scenario} was not asked for"
        else:
            words = judge(target, results.runs, results.obstacle).words
        bound = (
            ""
            if target.read is None
            else f" ({'<=' if target.at_most else '>='} {target.limit:g} {target.unit})"
        )
        lines.append(f"  {target.text}{bound}\n    {words}")
    return "\n".join(["targets (design, section 6; medians over rounds)", *lines])


def _disturbance(results: Results, rounds: int) -> str:
    lines = []
    if rounds < ROUNDS_MIN:
        lines.append(f"only {rounds} rounds: a smoke test, not a result (a result has at least {ROUNDS_MIN})")
    for figure, when in NOISE.items():
        if (span := _noise(results, figure)) is not None and span.greatest > NOISE_LOUD:
            measured = f"median {span.median:.0%}, at worst {span.greatest:.0%}"
            advice = "trust ratios of CPU, not requests/s or p99"
            lines.append(f"other work on the two cores {when}: {measured}: {advice}")
    return "\n".join(lines)


def _noise(results: Results, figure: str) -> Span | None:
    """How busy the machine was beside the bench, over all runs."""
    found = [run["figures"][figure] for run in results.runs if figure in run.get("figures", {})]
    return Span.of(dict(enumerate(found)))


def as_json(scenarios: Sequence[Scenario], results: Results, reference: str, rounds: int) -> str:
    return json.dumps(
        {
            "reference": reference,
            "rounds": rounds,
            "obstacle": results.obstacle,
            "noise": {figure: (span := _noise(results, figure)) and vars(span) for figure in NOISE},
            "scenarios": {scenario.name: _figures(scenario, results, reference) for scenario in scenarios},
            "unavailable": [
                {"scenario": name, "row": row, "reason": reason}
                for (name, row), reason in results.unavailable.items()
            ],
            "targets": [_verdict(target, results) for target in TARGETS],
        },
        indent=1,
    )


def _verdict(target: Any, results: Results) -> dict[str, Any]:
    verdict = judge(target, results.runs, results.obstacle)
    limits = {"limit": target.limit, "at_most": target.at_most, "unit": target.unit} if target.read else {}
    return {
        "text": target.text,
        "scenario": target.scenario,
        **limits,
        "is_met": verdict.is_met,
        "words": verdict.words,
    }


def _figures(scenario: Scenario, results: Results, reference: str) -> dict[str, Any]:
    used = stand_in(results, scenario, reference)
    answer: dict[str, Any] = {
        "ratios_to": "own first shape" if len(scenario.shapes) > 1 else used,
        "rows": {},
    }
    for row in rows(results.runs, scenario.name):
        below_row = reference_row(results, scenario, used, row)
        answer["rows"][row] = {}
        for figure in scenario.figures:
            mine = values(results.runs, scenario.name, row, figure)
            below = values(results.runs, scenario.name, below_row, figure) if below_row else {}
            spans = {"value": Span.of(mine), "ratio": Span.of(ratios(mine, below))}
            answer["rows"][row][figure] = {name: span and vars(span) for name, span in spans.items()}
    return answer
