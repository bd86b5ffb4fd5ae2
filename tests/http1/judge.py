"""Whether what happened is what the case asks for: the outcome word, `see`, `never`, `limit_ms`.

Called by test_cases.py with what play.py observed and what the oracle application wrote down. Pure: no I/O.
"""

from __future__ import annotations

import json
from typing import Any

from http1.cases import FOLLOWED_BY_CLOSE, FOLLOWED_BY_REJECTION, Case, responses_of
from http1.events import Event
from http1.play import Observed


def complaints(case: Case, seen: Observed, events: list[Event], is_whole: bool) -> list[str]:
    """Everything that is wrong with one pass of a case; empty if it is right. `is_whole`: sent in one
    write.
    """
    found = [seen.error] if seen.error else []
    if seen.ending == "dropped":
        found += _dropped(case, seen, events)
    elif not seen.error:
        found += _outcome(case["ours"], case, seen)
    if case["ours"].split(",")[-1].startswith("accept") and not found:
        found += _see(case, seen)
    found += [f"never: {word}" for word in case.get("never", ()) if _happened(word, seen, events)]
    if is_whole and seen.answer_ms > case.get("limit_ms", float("inf")):
        found.append(f"answered after {seen.answer_ms:.0f} ms, the limit is {case['limit_ms']} ms")
    return found


def _outcome(word: str, case: Case, seen: Observed) -> list[str]:
    """Compare with the outcome word: `[interim,](accept|status|close)[+close]`."""
    interim, _, final = word.rpartition(",")
    kind, _, wants_close = final.partition("+")
    if kind == "close":
        is_right = not seen.responses and seen.ending == "closed" and not seen.rest
        return [] if is_right else ["expected a close without a byte"]
    if not seen.responses:
        return [f"expected {word}"]
    first = seen.responses[0]
    found = []
    awaited = [step["expect"] for step in case.get("steps", ()) if step.get("expect") == "100"]
    if [str(response.status) for response in first.interim] != ([interim] if interim else awaited):
        found.append(
            f"interim responses {[response.status for response in first.interim]}, expected [{interim}]"
        )
    if kind == "accept":
        count = responses_of(case)
        if case["id"] != "ka-max-requests" and len(seen.responses) != count:
            found.append(f"{len(seen.responses)} responses, expected {count}")
        found += [
            f"response {number} (status {response.status}) is not the application's"
            for number, response in enumerate(seen.responses)
            if response.header("x-oracle") != "1"
        ]
    elif str(first.status) != kind:
        found.append(f"status {first.status}, expected {kind}")
    elif wants_close and len(seen.responses) > 1:
        found.append(f"{len(seen.responses)} responses, expected one and the end")
    return found + _ending(case, seen, bool(wants_close))


def _ending(case: Case, seen: Observed, wants_close: bool) -> list[str]:
    if case["id"] in FOLLOWED_BY_REJECTION:
        expected = "rejected"
    elif (
        wants_close
        or case["id"] in FOLLOWED_BY_CLOSE
        or any(step.get("expect") == "close" for step in case.get("steps", ()))
    ):
        expected = "closed"
    else:
        expected = "synced"
    if seen.ending == expected and not seen.rest:
        # What is wrong with the body shows after the head has gone; everything else is known before.
        if wants_close and case["category"] != "response" and not seen.responses[-1].wants_close():
            return ["closed without having said Connection: close"]
        return []
    return [f"ending {seen.ending!r}, expected {expected!r}"]


def _dropped(case: Case, seen: Observed, events: list[Event]) -> list[str]:
    """The client left in the middle: the application must have been told by close()."""
    if not any("read" in step for step in case["steps"]):
        return []
    found = [] if seen.is_read_before_end else ["the response ended before the client left"]
    closes = [event for event in events if event["event"] == "close"]
    if len(closes) != 1:
        found.append(f"close() was called {len(closes)} times after the client had left")
    return found


def _see(case: Case, seen: Observed) -> list[str]:
    """What the application or the client must have seen."""
    wanted: dict[str, Any] = case.get("see", {})
    found = []
    for name, value in wanted.items():
        if name == "app_event":
            continue
        if name == "response_body":
            if seen.responses[0].body != value.encode("latin-1"):
                found.append(f"body {seen.responses[0].body!r}, expected {value!r}")
            continue
        got = _json(seen.responses[0].body).get(name)
        if name == "headers" and got is not None:
            got = {key: got.get(key) for key in value}
        if got != value:
            found.append(f"the application saw {name}={got!r}, expected {value!r}")
    return found


def _json(body: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(body)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _happened(word: str, seen: Observed, events: list[Event]) -> bool:
    """Whether a condition of `never` came true."""
    views = [*events, *(_json(response.body) for response in seen.responses)]
    finals = seen.responses
    first_headers = {name.lower() for response in finals for name, _ in response.headers}
    simple = {
        "app called": bool(events),
        "500": any(response.status == 500 for response in finals),
        "any 1xx": any(response.interim for response in finals),
        "worker exit": False,  # asked by the runner after every case, whether the case says so or not
        "app believes the body is complete": any(view.get("is_complete") for view in views),
        "response header X-Inj": "x-inj" in first_headers,
        "injected header": "x-injected" in first_headers,
        "raw CR or LF in the access-log line": False,  # the runner scans every log line of every case
        "app sees x-smuggled as a separate field": _any_header(views, "x-smuggled"),
        "SCRIPT_NAME=/admin": any(view.get("script_name") == "/admin" for view in views),
        "headers of the request changed": any(_header(view, "content-length") == "50" for view in views),
        "next request framed with it": any(view.get("query") == "2" and view.get("body") for view in views),
        "environ/scope headers contain the trailer value": any(
            _header(view, "cookie") or _header(view, "x-forwarded-for") or _header(view, "content-type")
            for view in views
        ),
        "app sees the raw byte": _any_header(views, "x-a"),
        "value truncated at the byte": _any_header(views, "x-a"),
        "url_scheme == https": any(view.get("url_scheme") == "https" for view in views),
        "body bytes": any(response.body for response in finals[:1]),
        "surplus bytes on the connection": bool(seen.rest) or len(finals) > 1,
        "a reset instead of a clean close": seen.ending == "reset",
        "Transfer-Encoding": "transfer-encoding" in first_headers,
        "Transfer-Encoding in a response to HTTP/1.0": "transfer-encoding" in first_headers,
    }
    if word in simple:
        return simple[word]
    if word.startswith("/smuggled"):
        return any(view.get("path") == "/smuggled" for view in views)
    if word.startswith("app sees") and "body 'hello'" in word:
        return any(view.get("body") == "hello" for view in views)
    if word.startswith("remote_addr "):
        return any(view.get("remote_addr") == word.split()[1] for view in views)
    if word in ("100", "103"):
        return any(str(interim.status) == word for response in finals for interim in response.interim)
    raise ValueError(f"a `never` that the runner does not know: {word}")


def _header(view: dict[str, Any], name: str) -> Any:
    return view.get("headers", {}).get(name)


def _any_header(views: list[dict[str, Any]], name: str) -> bool:
    return any(_header(view, name) is not None for view in views)
