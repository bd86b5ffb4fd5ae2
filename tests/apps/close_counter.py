"""An iterable that appends a line to RESULT_FILE whenever close() is called; the path chooses the ending."""

import os
from wsgiref.validate import validator


class Body:
    def __init__(self, path, pieces):
        self.path = path
        self.pieces = iter(pieces)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.pieces)

    def close(self):
        with open(os.environ["RESULT_FILE"], "a") as file:
            file.write(f"close {self.path}\n")
        if self.path == "/close-raises":
            raise RuntimeError("close() failed")


def failing(pieces):
    yield from pieces
    raise RuntimeError("the iteration failed")


def endless():
    while True:
        yield b"x" * 65536


BODIES = {
    "/empty": list,
    "/iteration-error": lambda: failing([b"begun "]),
    "/first-item-error": lambda: failing([]),
    "/endless": endless,
}


@validator
def app(environ, start_response):
    path = environ["PATH_INFO"]
    headers = [] if path == "/304" else [("Content-Type", "text/plain")]
    if path in ("/length", "/304"):
        headers.append(("Content-Length", "10"))
    start_response("304 Not Modified" if path == "/304" else "200 OK", headers)
    return Body(path, BODIES.get(path, lambda: [b"hello", b"world"])())
