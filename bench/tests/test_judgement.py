"""From runs to verdicts: ratios within rounds, spans, the ideal, every target met and missed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sidebyside.central_queue import Service, fast_latencies_s, percentile
from sidebyside.figures import Span, differences, ratios
from sidebyside.measure import Job
from sidebyside.peers import PEERS, Place, Shape, command_line
from sidebyside.report import as_json, as_table
from sidebyside.scenarios import SCENARIOS
from sidebyside.session import Results, jobs, shuffled
from sidebyside.targets import TARGETS, Target, judge
from sidebyside.tricorn_command import stack_difference

RAW = SCENARIOS[0]


def run(scenario: str, row: str, number: int, **figures: float) -> dict[str, Any]:
    return {"scenario": scenario, "row": row, "round": number, "figures": figures}


def test_ratios_pair_rounds_and_skip_lost_ones() -> None:
    assert ratios({1: 2.0, 2: 9.0, 3: 1.0}, {1: 4.0, 3: 2.0}) == {1: 0.5, 3: 0.5}
    assert differences({1: 5.0, 2: 1.0}, {1: 3.0}) == {1: 2.0}
    assert ratios({1: 2.0}, {1: 0.0}) == {}


def test_span_of_nothing_is_nothing() -> None:
    assert Span.of({}) is None
    assert Span.of({1: 3.0, 2: 1.0, 5: 2.0}) == Span(2.0, 1.0, 3.0, 3)


@pytest.mark.parametrize(("share", "value"), [(0.01, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_percentile_is_the_nearest_rank(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], share) == value


def test_without_waiting_the_ideal_is_the_service_time() -> None:
    assert set(fast_latencies_s(Service(0.25, 8.0), clients=1, workers=2, requests=500)) == {0.25}


def test_in_the_ideal_nobody_is_served_out_of_turn() -> None:
    # All requests equal (fast = slow): 8 clients on 2 workers wait exactly 3 others' time, whoever they are.
    latencies = fast_latencies_s(Service(1.0, 1.0), clients=8, workers=2, requests=1000)
    assert latencies[-100:] == pytest.approx([4.0] * 100)


def test_one_central_queue_beats_a_queue_each() -> None:
    service = Service(0.002, 0.100)
    shared = percentile(fast_latencies_s(service, clients=8, workers=2, requests=50_000), 0.99)
    pinned_all_on_one = percentile(fast_latencies_s(service, clients=8, workers=1, requests=50_000), 0.99)
    assert pinned_all_on_one > 1.7 * shared


# Runs that lie exactly on each target's good side, and the change that spoils them.
GOOD_AND_BAD: list[tuple[str, list[tuple[str, dict[str, float]]], dict[str, float]]] = [
    (
        "against the best peer",
        [("freastal", {"cpu_us": 10.0}), ("gunicorn", {"cpu_us": 300.0})],
        {"cpu_us": 9.0},
    ),
    ("above a loop", [("constant-loop", {"user_us": 0.5})], {"user_us": 3.5}),
    ("above the app alone", [("app-alone", {"user_us": 120.0})], {"user_us": 126.0}),
    ("ideal 1600", [], {"requests_per_s": 1552.0}),
    ("central queue", [], {"fast_p99_over_ideal": 1.1}),
    ("4 preloaded", [], {"worker_pss_mib": 8.5}),
    ("RSS of each", [], {"idle_rss_bytes": 1024.0}),
    ("requests/s lost", [], {"lost_percent": 3.0}),
]


@pytest.mark.parametrize(("part_of_text", "others", "ours"), GOOD_AND_BAD)
def test_a_target_is_met_at_its_limit_and_missed_beyond(
    part_of_text: str, others: list[tuple[str, dict[str, float]]], ours: dict[str, float]
) -> None:
    target = next(target for target in TARGETS if part_of_text in target.text)
    beside = [run(target.scenario, row, number, **figures) for row, figures in others for number in (1, 2, 3)]
    worse = 1.1 if target.at_most else 0.9
    for factor, is_met in ((1.0, True), (worse, False)):
        spoiled = {name: value * factor for name, value in ours.items()}
        mine = [run(target.scenario, "tricorn", number, **spoiled) for number in (1, 2, 3)]
        verdict = judge(target, beside + mine)
        assert verdict.is_met is is_met, verdict.words
        assert verdict.words.startswith("reached: " if is_met else "not reached, short by")


BEST_PEER = next(target for target in TARGETS if "against the best peer" in target.text)


def raw_hello(**by_row: list[float | None]) -> list[dict[str, Any]]:
    """Runs of raw hello: CPU by row and round; None is a lost round."""
    return [
        run("raw_hello", row, number, cpu_us=value)
        for row, costs in by_row.items()
        for number, value in enumerate(costs, 1)
        if value is not None
    ]


# The machine is twice as slow in some rounds, and all servers with it.
@pytest.mark.parametrize(
    ("costs", "words"),
    [
        # weft's median (15) is above freastal's (12), yet weft is cheaper in every round that both ran.
        (
            {
                "tricorn": [10, 10, 10, 20, 20],
                "weft": [None, 10, 10, 20, 20],
                "freastal": [12, 12, 12, 24, 24],
                "gunicorn": [100, 100, 100, 200, 200],
            },
            "not reached, short by 0.10 x (11%): 1.00 x (1.00 to 1.00, 4 rounds) beside weft",
        ),
        (
            {"tricorn": [8, 16, 9, 18, 8], "weft": [10, 20, 10, 20, 20], "freastal": [11, 25, 12, 30, 11]},
            "reached: 0.80 x (0.40 to 0.90, 5 rounds) beside weft",
        ),
        # One lucky round is no comparison.
        (
            {"tricorn": [8, 8, 8, 8], "weft": [10, 10, 10, 10], "freastal": [1, None, None, None]},
            "reached: 0.80 x (0.80 to 0.80, 4 rounds) beside weft",
        ),
        # Neither the loop without Python nor Tricorn itself is a peer.
        (
            {"tricorn": [8.0], "constant-loop": [3.0]},
            "not judged: no round of raw_hello has all that it needs",
        ),
        ({"weft": [8.0], "freastal": [3.0]}, "not judged: no round of raw_hello has all that it needs"),
    ],
)
def test_the_best_peer_is_found_within_rounds(costs: dict[str, list[float | None]], words: str) -> None:
    assert judge(BEST_PEER, raw_hello(**costs)).words == words


@pytest.mark.parametrize(
    "target", [target for target in TARGETS if target.read], ids=lambda target: target.text
)
def test_an_obstacle_leaves_no_verdict(target: Target) -> None:
    if target.scenario in ("threads4", "scale2"):
        runs = [
            run(target.scenario, f"tricorn, {shape}", 1, requests_per_s=100.0)
            for shape in ("one thread", "4 threads", "one worker", "2 workers")
        ]
    else:
        figures = dict.fromkeys(
            ("cpu_us", "user_us", "requests_per_s", "worker_pss_mib", "fast_p99_over_ideal"), 1.0
        )
        figures |= {"idle_rss_bytes": 1.0, "lost_percent": 1.0}
        rows = ("tricorn", "weft", "constant-loop", "app-alone")
        runs = [run(target.scenario, row, 1, **figures) for row in rows]
    assert judge(target, runs).is_met is not None
    verdict = judge(target, runs, "different interpreters (this, that)")
    assert verdict.is_met is None
    assert verdict.words.startswith("no verdict: different interpreters (this, that): ")


STACK = {
    "python": "CPython 3.13.0",
    "python build": "3.13.0 (built now)",
    "flask": "3.1.3",
    "werkzeug": "3.1.9",
}


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        (STACK, None),
        ({**STACK, "gunicorn": "1"}, None),
        (
            {**STACK, "python": "CPython 3.11.7"},
            "different interpreters (tricorn on CPython 3.11.7, peers on CPython 3.13.0)",
        ),
        ({**STACK, "python build": "3.13.0 (built then)"}, "(tricorn on 3.13.0 (built then), peers"),
        ({**STACK, "flask": "2.0"}, "different applications (tricorn with flask 2.0, peers 3.1.3)"),
        (
            {"python": "CPython 3.13.0", "python build": "3.13.0 (built now)"},
            "flask none, peers 3.1.3; werkzeug",
        ),
        (None, "is not known"),
    ],
)
def test_what_makes_two_stacks_different(theirs: dict[str, str] | None, says: str | None) -> None:
    found = stack_difference(theirs, STACK)
    assert found is None if says is None else found is not None and says in found


@pytest.mark.parametrize(
    ("scenario", "many", "one"),
    [("threads4", "4 threads", "one thread"), ("scale2", "2 workers", "one worker")],
)
def test_a_target_between_two_shapes(scenario: str, many: str, one: str) -> None:
    target = next(target for target in TARGETS if target.scenario == scenario)
    runs = [run(scenario, f"tricorn, {one}", 1, requests_per_s=100.0)]
    assert judge(target, runs).is_met is None
    assert judge(target, [*runs, run(scenario, f"tricorn, {many}", 1, requests_per_s=80.0)]).is_met is False
    assert judge(target, [*runs, run(scenario, f"tricorn, {many}", 1, requests_per_s=195.0)]).is_met is True


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.text)
def test_without_results_nothing_is_passed(target: Any) -> None:
    assert judge(target, []).is_met is None


def test_targets_name_shapes_and_scenarios_that_exist() -> None:
    names = {scenario.name for scenario in SCENARIOS}
    assert {target.scenario for target in TARGETS if target.read} <= names


def test_the_report_names_what_is_missing() -> None:
    results = Results(
        runs=[
            run("raw_hello", "gunicorn", 1, cpu_us=30.0, requests_per_s=1000.0),
            run(
                "raw_hello", "weft", 1, cpu_us=15.0, requests_per_s=2000.0, foreign_busy=0.5, busy_before=0.2
            ),
            {"scenario": "raw_hello", "row": "weft", "round": 2, "error": "wrk saw errors: 3 read"},
        ],
        unavailable={("raw_hello", "bjoern"): "fatal error: ev.h"},
        obstacle="another stack",
    )
    text = as_table([RAW], results, "tricorn", rounds=2)
    for words in (
        "bjoern: not available: fatal error: ev.h",
        "weft: round 2 lost: wrk saw errors",
        "tricorn has no results here, so ratios are to gunicorn",
        "0.50 (0.50-0.50) | 15.00",
        "only 2 rounds",
        "other work on the two cores before runs: median 20%, at worst 20%",
        "other work on the two cores during runs: median 50%, at worst 50%",
    ):
        assert words in text
    assert "no verdict" not in text  # there is nothing of Tricorn to judge
    results.runs.append(run("raw_hello", "tricorn", 1, cpu_us=15.0))
    assert "no verdict: another stack: 1.00 x" in as_table([RAW], results, "tricorn", rounds=2)
    results.runs.pop()
    assert '"ratios_to": "gunicorn"' in as_json([RAW], results, "tricorn", rounds=2)


def test_a_quiet_machine_is_not_a_warning() -> None:
    results = Results(runs=[run("raw_hello", "tricorn", 1, cpu_us=15.0, foreign_busy=0.01, busy_before=0.05)])
    assert "other work" not in as_table([RAW], results, "tricorn", rounds=5)
    noise = json.loads(as_json([RAW], results, "tricorn", rounds=5))["noise"]
    assert (noise["busy_before"]["greatest"], noise["foreign_busy"]["greatest"]) == (0.05, 0.01)


def test_each_round_has_its_own_order_and_keeps_scenarios_together() -> None:
    todo = jobs(SCENARIOS[:2], PEERS)
    first, second = shuffled(todo, "0 1"), shuffled(todo, "0 2")
    assert first != second
    assert first == shuffled(todo, "0 1")
    assert sorted(map(_key, first)) == sorted(map(_key, todo))
    blocks = [job.scenario.name for job in first]
    assert blocks == sorted(blocks, key=[scenario.name for scenario in SCENARIOS].index)


def _key(job: Job) -> tuple[str, str]:
    return job.scenario.name, job.row


def test_commands_are_shown_without_this_machine() -> None:
    inside = Place(Path("/somewhere/venv"), Path("/somewhere/venv/bin/tricorn"), Path("/somewhere/built"))
    beside = Place(Path("/somewhere/venv"), Path("/elsewhere/bin/tricorn"), Path("/somewhere/built"))
    for place, tricorn in ((inside, "$VENV/bin/tricorn"), (beside, "$TRICORN/tricorn")):
        shown = {
            peer.name: place.public(" ".join(command_line(peer, Shape(idle=100), place, "app:app", "PORT")))
            for peer in PEERS
        }
        idle = "--worker-connections 300 --keep-alive 600"
        assert shown["tricorn"] == f"{tricorn} -w 1 {idle} -b 127.0.0.1:PORT app:app"
        assert shown["granian"].startswith("$VENV/bin/granian ")
        assert "--backlog 300 --backpressure 300" in shown["granian"]
        assert not [command for command in shown.values() if "where/" in command]


def test_rows_are_named_by_their_shape() -> None:
    assert Job(RAW, PEERS[0], Shape()).row == "tricorn"
    assert Job(RAW, PEERS[0], Shape("4 threads", threads=4)).row == "tricorn, 4 threads"
