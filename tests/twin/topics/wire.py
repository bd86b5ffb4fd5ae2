"""Responses, errors and limits as a client sees them, mostly with one threaded server for many requests."""

from __future__ import annotations

from harness import build_chunks, build_request
from twin.scenario import Scenario, Step
from twin.steps import ask, raw, wait_log

GTHREAD = ("-k", "gthread", "--threads", "2")
APP = "replies:app"
GOOD = (
    "simple",
    "with-length",
    "too-long",
    "empty",
    "no-content",
    "not-modified",
    "own-headers",
    "cookies",
    "write",
    "generator",
    "late-start",
    "file",
    "real-file",
    "early-hints",
    "reads-nothing",
    "latin-1",
)
BROKEN = (
    "raises",
    "raises-os-error",
    "raises-late",
    "replaced",
    "started-twice",
    "never-started",
    "bad-status",
    "bad-status-text",
    "bad-status-type",
    "bad-name",
    "bad-value",
    "bad-value-type",
    "bad-length",
    "bad-body",
    "not-latin-1",
    "too-short",
)
REFUSED = {
    "nonsense": b"nonsense\r\n\r\n",
    "bare LF": b"GET / HTTP/1.1\nHost: a\n\n",
    "lower case method": b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "short method": b"GO / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/1.9": b"GET / HTTP/1.9\r\nHost: a\r\nConnection: close\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "bad host": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "relative target": b"GET x HTTP/1.1\r\nHost: a\r\n\r\n",
    "fragment": b"GET /#x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "control byte": b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
    "folded": b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "length and chunked": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
    ),
    "bad length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
    "unknown coding": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: br, chunked\r\n\r\n0\r\n\r\n",
    "gzip, chunked": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked on 1.0": b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "not chunked": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
    "bad chunk": b"POST /reads-all HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "expectation": b"GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n",
    "half a head": b"GET / HTTP/1.1\r\nHost:",
}


def limits(name: str, setting: str, *arguments: str, steps: tuple[Step, ...]) -> Scenario:
    """A server with another limit."""
    return Scenario(f"wire-{name}", (setting,), (*GTHREAD, *arguments, APP), steps)


def line(size: int) -> bytes:
    """A GET whose request line has `size` bytes without CRLF."""
    return b"GET /" + b"a" * (size - 14) + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def field(size: int) -> bytes:
    """A GET with a field line of `size` bytes with CRLF."""
    return b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: " + b"a" * (size - 5) + b"\r\n\r\n"


def fields(count: int) -> bytes:
    """A GET with `count` fields."""
    return (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + b"X: 1\r\n" * (count - 2)) + b"\r\n"


SCENARIOS: list[Scenario] = [
    Scenario(
        "wire-responses", ("worker_class",), (*GTHREAD, APP), tuple(ask(name, f"/{name}") for name in GOOD)
    ),
    Scenario(
        "wire-head",
        (),
        (*GTHREAD, APP),
        tuple(ask(name, f"/{name}", method="HEAD") for name in ("simple", "with-length", "file", "raises")),
    ),
    Scenario(
        "wire-http-1.0",
        ("keepalive",),
        (*GTHREAD, APP),
        (
            ask("no length", "/simple", version="1.0"),
            ask("length", "/with-length", version="1.0"),
            ask("kept", "/with-length", {"Connection": "keep-alive"}, version="1.0"),
            ask("hints", "/early-hints", version="1.0"),
            ask("upgrade", "/upgrade"),
        ),
    ),
    Scenario(
        "wire-broken-applications", (), (*GTHREAD, APP), tuple(ask(name, f"/{name}") for name in BROKEN)
    ),
    Scenario(
        "wire-refused",
        (),
        (*GTHREAD, APP),
        tuple(raw(name, data, half_close=name == "half a head") for name, data in REFUSED.items()),
    ),
    Scenario(
        "wire-bodies",
        (),
        (*GTHREAD, APP),
        (
            ask("length", "/reads-all", method="POST", body=b"abc"),
            raw(
                "chunked",
                b"POST /reads-all HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + build_chunks(b"abcdef", 4),
            ),
            raw(
                "trailers",
                b"POST /reads-all HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
            ),
            ask("unread", "/reads-nothing", method="POST", body=b"x" * 1000),
            raw(
                "expected",
                b"POST /reads-all HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                b"Expect: 100-continue\r\n\r\nabc",
            ),
            raw(
                "short",
                b"POST /reads-all HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
                half_close=True,
            ),
            raw("pipelined", build_request("GET", "/simple") + build_request("GET", "/with-length")),
        ),
    ),
    Scenario(
        "wire-connection",
        ("keepalive",),
        (*GTHREAD, APP),
        (
            ask("close", "/with-length", {"Connection": "close"}),
            ask("Close", "/with-length", {"Connection": "Close"}),
            ask("keep-alive", "/with-length", {"Connection": "keep-alive"}),
            ask("close in a list", "/with-length", {"Connection": "x, close"}),
        ),
    ),
    Scenario(
        "wire-keepalive-off",
        ("keepalive",),
        (*GTHREAD, "--keep-alive", "0", APP),
        (ask("get", "/with-length"),),
    ),
    Scenario(
        "wire-sync",
        ("worker_class", "keepalive"),
        (APP,),
        (ask("get", "/with-length"), ask("page", "/raises")),
    ),
    limits("line-default", "limit_request_line", steps=(raw("at", line(4094)), raw("over", line(4095)))),
    limits(
        "line-set",
        "limit_request_line",
        "--limit-request-line",
        "100",
        steps=(raw("at", line(100)), raw("over", line(101))),
    ),
    limits("line-none", "limit_request_line", "--limit-request-line", "0", steps=(raw("long", line(9000)),)),
    limits(
        "line-capped", "limit_request_line", "--limit-request-line", "20000", steps=(raw("long", line(9000)),)
    ),
    limits(
        "fields-default", "limit_request_fields", steps=(raw("at", fields(100)), raw("over", fields(101)))
    ),
    limits(
        "fields-set",
        "limit_request_fields",
        "--limit-request-fields",
        "5",
        steps=(raw("at", fields(5)), raw("over", fields(6))),
    ),
    limits(
        "field-default", "limit_request_field_size", steps=(raw("at", field(8190)), raw("over", field(8193)))
    ),
    limits(
        "field-set",
        "limit_request_field_size",
        "--limit-request-field_size",
        "50",
        steps=(raw("at", field(50)), raw("over", field(53))),
    ),
    limits(
        "field-none",
        "limit_request_field_size",
        "--limit-request-field_size",
        "0",
        steps=(raw("long", field(9000)),),
    ),
    Scenario(
        "wire-sendfile-off", ("sendfile",), (*GTHREAD, "--no-sendfile", APP), (ask("file", "/real-file"),)
    ),
    Scenario(
        "wire-sendfile-environment",
        ("sendfile",),
        (*GTHREAD, APP),
        (ask("file", "/real-file"),),
        env={"SENDFILE": "0"},
    ),
    Scenario(
        "wire-worker-connections",
        ("worker_connections",),
        (*GTHREAD, "--worker-connections", "20", APP),
        (ask("one", "/with-length"), ask("two", "/with-length")),
    ),
    Scenario(
        "wire-max-requests",
        ("max_requests", "max_requests_jitter"),
        ("--max-requests", "1", "--max-requests-jitter", "0", APP),
        (
            ask("one", "/with-length", {"Connection": "close"}),
            wait_log("Autorestarting worker"),
            wait_log("Booting worker", 2),
            ask("two", "/with-length", {"Connection": "close"}),
        ),
        unseen_lines=("^Worker exiting", "^Booting worker", "^Start complete"),
    ),
]
