"""Statuses and headers that must not reach the wire; the path names the offence."""

OFFENCES = {
    "/status-crlf": ("200 OK\r\nX-Injected: 1", []),
    "/status-two-digits": ("20 OK", []),
    "/status-words": ("OK", []),
    "/status-empty": ("", []),
    "/status-bytes": (b"200 OK", []),
    "/status-int": (200, []),
    "/status-interim": ("103 Early Hints", []),
    "/status-continue": ("100 Continue", []),
    "/status-control": ("200 O\x00K", []),
    "/value-crlf": ("200 OK", [("X-A", "1\r\nX-Injected: 1")]),
    "/value-lf": ("200 OK", [("X-A", "1\nX-Injected: 1")]),
    "/value-cr": ("200 OK", [("X-A", "1\rX-Injected: 1")]),
    "/value-nul": ("200 OK", [("X-A", "a\0b")]),
    "/value-wide": ("200 OK", [("X-A", "\u20ac")]),
    "/value-int": ("200 OK", [("X-A", 1)]),
    "/value-bytes": ("200 OK", [("X-A", b"1")]),
    "/value-none": ("200 OK", [("X-A", None)]),
    "/name-crlf": ("200 OK", [("X-A\r\nX-Injected", "1")]),
    "/name-space": ("200 OK", [("X A", "1")]),
    "/name-colon": ("200 OK", [("X-A:", "1")]),
    "/name-empty": ("200 OK", [("", "1")]),
    "/name-bytes": ("200 OK", [(b"X-A", "1")]),
    "/length-word": ("200 OK", [("Content-Length", "five")]),
    "/length-negative": ("200 OK", [("Content-Length", "-5")]),
    "/header-three": ("200 OK", [("X-A", "1", "2")]),
    "/headers-none": ("200 OK", None),
}


def app(environ, start_response):
    status, headers = OFFENCES[environ["PATH_INFO"]]
    start_response(status, headers)
    return [b"hello"]
