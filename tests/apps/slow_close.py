"""Answers at once; its close() takes as many milliseconds as ?ms= says."""

import time
from wsgiref.validate import validator


class Body:
    """One chunk, and work after it."""

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def __iter__(self):
        yield b"done"

    def close(self) -> None:
        time.sleep(self.ms / 1000)


@validator
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return Body(int(environ["QUERY_STRING"].partition("=")[2] or "0"))
