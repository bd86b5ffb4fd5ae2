"""The HTTP/1 cases as data: where they are, how their raw bytes are written, which server options they need.

Read by test_cases.py. The fields of a case are those of the case file; see the README beside this module.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

Case = dict[str, Any]

_HERE = Path(__file__).parent
_REPOSITORY = _HERE.parent.parent
_REPEAT = re.compile(r"\{\{rep:(\d+):((?:(?!\{\{rep:).)*?)\}\}", re.DOTALL)

# What the idle connections of ordinary cases are allowed, so that only the cases about deadlines meet one.
_PATIENT = ("--keep-alive", "30")
# The deadlines that the cases about deadlines meet.
DEADLINE_S = 1
_DEADLINES = ("--header-timeout", "1", "--body-timeout", "1", "--keep-alive", "1")

GROUPS: dict[str, tuple[str, ...]] = {
    "plain": _PATIENT,
    "deadlines": _DEADLINES,
    "body-limit": (*_PATIENT, "--limit-request-body", "10000000"),
    "proxy-protocol": (*_PATIENT, "--proxy-protocol", "auto", "--proxy-allow-from", "127.0.0.1"),
    "proxy-protocol-deadlines": (*_DEADLINES, "--proxy-protocol", "auto", "--proxy-allow-from", "127.0.0.1"),
    "forwarded-stranger": (*_PATIENT, "--forwarded-allow-ips", "192.0.2.1"),
    "forwarded-peer": (*_PATIENT, "--forwarded-allow-ips", "127.0.0.1"),
    "max-requests": (*_PATIENT, "--max-requests", "10"),
}

_SETUPS = {
    None: "plain",
    "default limits (request line <= 8 KiB, field <= 64 KiB)": "plain",
    "body limit 10 MB": "body-limit",
    "--proxy-protocol on, peer allowed": "proxy-protocol",
    "--forwarded-allow-ips=192.0.2.1": "forwarded-stranger",
    "--forwarded-allow-ips=127.0.0.1": "forwarded-peer",
    "--max-requests 10": "max-requests",
}

# How many final responses a case leads to where the case file leaves it open.
_RESPONSES = {"ka-10-keepalive": 2}
# Accepted cases whose last request does not ask for the connection to be kept, though the first did.
FOLLOWED_BY_CLOSE = {"ka-10-keepalive"}
# Accepted cases whose remaining bytes are not a request: the answer to them is 400 and the end.
FOLLOWED_BY_REJECTION = {"cl-long", "pp1-second-request"}


def case_file() -> Path:
    """The shared case file beside the repository if there is one, else the repository's copy."""
    shared = _REPOSITORY.parent / "shared" / "cases" / "http1.jsonl"
    return shared if shared.exists() else _REPOSITORY / "tests" / "cases" / "http1.jsonl"


def load_cases() -> list[Case]:
    """All cases, in the order of the file."""
    with case_file().open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def load_later() -> dict[str, str]:
    """The cases that need something the server does not have yet, each with its reason."""
    return json.loads((_HERE / "later.json").read_text())  # type: ignore[no-any-return]


def raw_bytes(case: Case) -> bytes:
    """The bytes to send: `{{rep:N:TEXT}}` is expanded from the inside out, each code point is one byte."""
    text = case["raw"]
    while (expanded := _REPEAT.sub(lambda match: match[2] * int(match[1]), text)) != text:
        text = expanded
    return text.encode("latin-1")


def needs_more_than_wsgi(case: Case) -> bool:
    """Whether the case needs an ASGI application, a WebSocket endpoint of the server, or TLS."""
    setup = case.get("setup") or ""
    return "ASGI" in setup or "TLS" in setup


def group_of(case: Case) -> str:
    """The name of the server options the case needs."""
    group = _SETUPS[case.get("setup")]
    if any("idle_s" in step for step in case.get("steps", ())) or case["id"] == "tm-trickle-line":
        return "proxy-protocol-deadlines" if group == "proxy-protocol" else "deadlines"
    if group == "plain" and case["ours"] == "413+close":
        return "body-limit"
    return group


def responses_of(case: Case) -> int:
    """How many final responses are expected when the case is accepted."""
    return int(case.get("n", _RESPONSES.get(case["id"], 1)))


def may_log_traceback(case: Case) -> bool:
    """Whether the oracle raises, or breaks PEP 3333, in this case."""
    return case["category"] == "response" or b" /raise" in raw_bytes(case)
