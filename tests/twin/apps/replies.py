"""One response per path, each with one thing that servers treat in different ways."""

import io
import sys

PLAIN = ("Content-Type", "text/plain")


def simple(environ, start_response):
    start_response("200 OK", [PLAIN, ("X-Order", "1"), ("x-case", "2")])
    return [b"one", b"", b"two"]


def with_length(environ, start_response):
    start_response("200 OK", [PLAIN, ("Content-Length", "6")])
    return [b"one", b"two"]


def too_long(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    return [b"onetwo"]


def too_short(environ, start_response):
    start_response("200 OK", [("Content-Length", "9")])
    return [b"short"]


def empty(environ, start_response):
    start_response("200 OK", [])
    return []


def no_content(environ, start_response):
    start_response("204 No Content", [("Content-Length", "3")])
    return [b"abc"]


def not_modified(environ, start_response):
    start_response("304 Not Modified", [("ETag", "x"), ("Content-Length", "3")])
    return [b"abc"]


def own_headers(environ, start_response):
    start_response(
        "200 OK",
        [
            ("Server", "mine"),
            ("Date", "today"),
            ("Connection", "close"),
            ("Keep-Alive", "1"),
            ("Upgrade", "x"),
            ("Transfer-Encoding", "chunked"),
            ("TE", "x"),
            ("X-Stays", " spaces "),
            ("Content-Length", "0"),
        ],
    )
    return []


def upgrade(environ, start_response):
    start_response("101 Switching Protocols", [("Upgrade", "websocket"), ("Connection", "Upgrade")])
    return []


def cookies(environ, start_response):
    start_response("200 OK", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Length", "0")])
    return []


def write(environ, start_response):
    writer = start_response("200 OK", [])
    writer(b"one")
    writer(b"two")
    return [b"three"]


def generator(environ, start_response):
    start_response("200 OK", [])
    yield b"a"
    yield b"b"


def late_start(environ, start_response):
    yield b""
    start_response("202 Accepted", [])
    yield b"late"


def file(environ, start_response):
    start_response("200 OK", [PLAIN])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"x" * 5000), 1000)


def real_file(environ, start_response):
    start_response("200 OK", [PLAIN, ("Content-Length", "20")])
    return environ["wsgi.file_wrapper"](open(__file__, "rb"))


def early_hints(environ, start_response):
    environ["wsgi.early_hints"]([("Link", "</a.css>; rel=preload")])
    start_response("200 OK", [("Content-Length", "0")])
    return []


def reads_all(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def reads_nothing(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


def raises(environ, start_response):
    raise RuntimeError("on purpose")


def raises_os_error(environ, start_response):
    open("/nonexistent")  # noqa: SIM115
    return []


def raises_late(environ, start_response):
    start_response("200 OK", [])
    yield b"begun"
    raise RuntimeError("on purpose")


def replaced(environ, start_response):
    start_response("200 OK", [PLAIN])
    try:
        raise RuntimeError("on purpose")
    except RuntimeError:
        start_response("503 Busy", [("Content-Type", "text/html"), ("Content-Length", "4")], sys.exc_info())
    return [b"busy"]


def started_twice(environ, start_response):
    start_response("200 OK", [])
    start_response("200 OK", [])
    return [b""]


def never_started(environ, start_response):
    return [b"x"]


def bad(status, headers, body=(b"x",)):
    def app(environ, start_response):
        start_response(status, headers)
        return list(body)

    return app


WAYS = {
    "/simple": simple,
    "/with-length": with_length,
    "/too-long": too_long,
    "/too-short": too_short,
    "/empty": empty,
    "/no-content": no_content,
    "/not-modified": not_modified,
    "/own-headers": own_headers,
    "/upgrade": upgrade,
    "/cookies": cookies,
    "/write": write,
    "/generator": generator,
    "/late-start": late_start,
    "/file": file,
    "/real-file": real_file,
    "/early-hints": early_hints,
    "/reads-all": reads_all,
    "/reads-nothing": reads_nothing,
    "/raises": raises,
    "/raises-os-error": raises_os_error,
    "/raises-late": raises_late,
    "/replaced": replaced,
    "/started-twice": started_twice,
    "/never-started": never_started,
    "/bad-status": bad("200", []),
    "/bad-status-text": bad("OK", []),
    "/bad-status-type": bad(200, []),
    "/bad-name": bad("200 OK", [("Bad Name", "x")]),
    "/bad-value": bad("200 OK", [("X", "a\r\nb")]),
    "/bad-value-type": bad("200 OK", [("X", 5)]),
    "/bad-length": bad("200 OK", [("Content-Length", "x")]),
    "/bad-body": bad("200 OK", [], ["text"]),
    "/latin-1": bad("200 OK", [("X", "\xe4")]),
    "/not-latin-1": bad("200 OK", [("X", "\u20ac")]),
}


def app(environ, start_response):
    if environ["PATH_INFO"] not in WAYS:
        start_response("404 Not Found", [("Content-Length", "0")])
        return []
    return WAYS[environ["PATH_INFO"]](environ, start_response)
