"""What the bench reads from outside (the kernel, wrk, pip, a server): texts and what they mean."""

from __future__ import annotations

import json

import pytest
from sidebyside.install import package_of, read_requirements, reason_of
from sidebyside.load import LoadFailed, parse_report
from sidebyside.peers import BENCH, PEERS
from sidebyside.proctree import TICKS_PER_S, parse_stat
from sidebyside.tail import answer_bytes

STAT_TAIL = "S 7 42 42 0 -1 4194560 1 2 3 4 100 50 20 10 20 0 1 0 9 8"


@pytest.mark.parametrize("name", ["(python)", "(a b)", "(evil) S 1 (x)", "(tab\tin it)"])
def test_stat_fields_count_from_the_last_parenthesis(name: str) -> None:
    stat = parse_stat(f"4711 {name} {STAT_TAIL}")
    assert (stat.pid, stat.ppid, stat.session) == (4711, 7, 42)
    assert stat.user_s == pytest.approx((100 + 20) / TICKS_PER_S)  # waited-for children included
    assert stat.system_s == pytest.approx((50 + 10) / TICKS_PER_S)


@pytest.mark.parametrize("text", ["", "12", "12 (x)", "12 (x) S 1 2"])
def test_a_torn_stat_line_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        parse_stat(text)


def report(**changes: object) -> str:
    errors = {"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}
    values = {
        "requests": 10,
        "duration_us": 2_000_000,
        "bytes": 9,
        "p50_us": 500.0,
        "p99_us": 1500.0,
        "max_us": 2000.0,
    }
    return "Running 2s test\nwrk-report " + json.dumps({**values, "errors": errors, **changes}) + "\n"


def test_a_good_wrk_report() -> None:
    result = parse_report(report())
    assert (result.requests, result.duration_s, result.p99_ms) == (10, 2.0, 1.5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("unable to connect to 127.0.0.1:1 Connection refused", "no report"),
        (report(requests=0), "no answer"),
        (report(errors={"connect": 0, "read": 3, "write": 0, "status": 0, "timeout": 0}), "3 read"),
        (
            report(errors={"connect": 0, "read": 0, "write": 0, "status": 7, "timeout": 1}),
            "7 status, 1 timeout",
        ),
    ],
)
def test_a_bad_wrk_report_is_never_a_result(text: str, says: str) -> None:
    with pytest.raises(LoadFailed, match=says):
        parse_report(text)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


@pytest.mark.parametrize(
    ("received", "size"),
    [
        (b"", None),
        (OK[:10], None),
        (OK[:-1], None),
        (OK + b"slep", None),
        (OK + b"slept", len(OK) + 5),
        (OK.replace(b"Content-Length", b"content-length") + b"sleptHTTP/1.1", len(OK) + 5),
    ],
)
def test_size_of_an_answer(received: bytes, size: int | None) -> None:
    assert answer_bytes(received) == size


@pytest.mark.parametrize("received", [b"HTTP/1.1 500 No\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"])
def test_an_answer_that_must_not_count(received: bytes) -> None:
    with pytest.raises(LoadFailed):
        answer_bytes(received)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("", "pip said nothing"),
        (
            "Collecting x\n  a.c:9:10: fatal error: ev.h: No such file\nerror: command 'gcc' failed",
            "fatal error: ev.h",
        ),
        ("ERROR: No matching distribution found for x", "No matching distribution"),
    ],
)
def test_why_pip_failed(output: str, reason: str) -> None:
    assert reason in reason_of(output)


def test_every_peer_of_the_table_is_in_the_requirements() -> None:
    packages = {package_of(line) for line in read_requirements(BENCH / "requirements.txt")}
    assert {peer.package for peer in PEERS} - {"tricorn"} == packages - {"flask"}
