"""The oracle application of the HTTP/1 cases: it answers with everything it saw, and misbehaves on request.

Served by the corpus runner (tests/http1) and by some server tests. Every call is also written to the file
that ORACLE_EVENTS names, one JSON line per event and one write per line, so that a test learns what the
application saw even where no response arrives. Not wrapped by wsgiref.validate as a whole: some paths break
PEP 3333 on purpose. Fields: event, method, path, path_bytes, raw_path, query, headers, body, body_len,
is_complete, remote_addr ...
"""

import json
import os
import time
from wsgiref.validate import validator

EVENTS = os.environ.get("ORACLE_EVENTS")
BIG_BYTES = 50_000_000


def record(event, environ, **more):
    """Write down what happened, before anything is answered."""
    if EVENTS is None:
        return
    seen = {"event": event, **request_of(environ), **more}
    fd = os.open(EVENTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(fd, json.dumps(seen).encode() + b"\n")
    finally:
        os.close(fd)


def request_of(environ):
    """The request as the application sees it, without its body."""
    headers = {
        key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key[:5] == "HTTP_"
    }
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if key in environ:
            headers[key.replace("_", "-").lower()] = environ[key]
    return {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "path_bytes": environ["PATH_INFO"],
        "raw_path": environ.get("RAW_URI"),
        "script_name": environ["SCRIPT_NAME"],
        "query": environ["QUERY_STRING"],
        "protocol": environ["SERVER_PROTOCOL"],
        "headers": headers,
        "remote_addr": environ.get("REMOTE_ADDR"),
        "remote_port": int(environ["REMOTE_PORT"]) if environ.get("REMOTE_PORT", "").isdigit() else None,
        "url_scheme": environ["wsgi.url_scheme"],
        "pid": os.getpid(),
    }


def answer(environ, start_response, status="200 OK", **more):
    """Answer with JSON of the request and what `more` says."""
    data = json.dumps({**request_of(environ), **more}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(data))), ("X-Oracle", "1")]
    start_response(status, headers)
    return [data]


def echo(environ, start_response):
    """Read the whole body, then answer. A body that breaks off is an exception of read(), and passes
    through.
    """
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or -1))
    text = body.decode("latin-1")
    record("request", environ, body=text, is_complete=True)
    return answer(environ, start_response, body=text, body_len=len(body), is_complete=True)


def noread(environ, start_response):
    record("request", environ)
    return answer(environ, start_response)


def not_found(environ, start_response):
    record("request", environ)
    return answer(environ, start_response, "404 Not Found")


def slow(environ, start_response):
    """/slow?ms=N sleeps N milliseconds in the application."""
    record("request", environ)
    time.sleep(int(environ["QUERY_STRING"].partition("=")[2] or "0") / 1000)
    return answer(environ, start_response)


class Endless:
    """A body without end, which says when it is closed."""

    def __init__(self, environ):
        self.environ = environ

    def __iter__(self):
        return self

    def __next__(self):
        return b"x" * 1024

    def close(self):
        record("close", self.environ)


def stream(environ, start_response):
    record("request", environ)
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Oracle", "1")])
    return Endless(environ)


def big(environ, start_response):
    """50 MB of declared length, in pieces of 1 MB."""
    record("request", environ)
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(BIG_BYTES)), ("X-Oracle", "1")]
    start_response("200 OK", headers)
    return (b"x" * 1_000_000 for _ in range(BIG_BYTES // 1_000_000))


def raising(environ, start_response):
    record("request", environ)
    raise RuntimeError("the oracle was asked to raise")


def smuggled(environ, start_response):
    """Counted by the event alone: nobody may ever get here in the cases that name it."""
    record("smuggled", environ)
    return answer(environ, start_response)


def body_on_head(environ, start_response):
    record("request", environ)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5"), ("X-Oracle", "1")])
    return [b"hello"]


def status_304_with_length(environ, start_response):
    record("request", environ)
    start_response("304 Not Modified", [("Content-Length", "5"), ("X-Oracle", "1")])
    return [b"hello"]


def cl_less_than_body(environ, start_response):
    record("request", environ)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5"), ("X-Oracle", "1")])
    return [b"01234", b"56789"]


def status_crlf(environ, start_response):
    record("request", environ)
    start_response("200 OK\r\nX-Injected: 1", [("Content-Type", "text/plain")])
    return [b"never"]


def no_start_response(environ, start_response):
    record("request", environ)
    return [b"never"]


def yield_empty_then_data(environ, start_response):
    record("request", environ)
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Oracle", "1")])
    return iter([b"", b"data", b""])


def early_hints(environ, start_response):
    record("request", environ)
    environ["wsgi.early_hints"]([("Link", "</style.css>; rel=preload")])
    return answer(environ, start_response)


LAWFUL = {
    "/echo": validator(echo),
    "/noread": validator(noread),
    "/slow": validator(slow),
    "/stream": validator(stream),
    "/big": validator(big),
    "/raise": validator(raising),
    "/smuggled": validator(smuggled),
    "/yield-empty-then-data": validator(yield_empty_then_data),
    "/early-hints": validator(early_hints),
}
UNLAWFUL = {
    "/body-on-head": body_on_head,
    "/status/304-with-cl": status_304_with_length,
    "/cl-less-than-body": cl_less_than_body,
    "/status-crlf": status_crlf,
    "/no-start-response": no_start_response,
}
ROUTES = {**LAWFUL, **UNLAWFUL}


def app(environ, start_response):
    """Route by path; everything below /echo is an echo, and what has no route is answered 404 with its body
    unread.
    """
    path = environ["PATH_INFO"]
    route = ROUTES.get(path)
    if route is None:
        route = LAWFUL["/echo"] if path.startswith("/echo") else not_found
    return route(environ, start_response)
