"""Sleeps as many milliseconds as ?ms= says, and answers with JSON."""

import time


def app(environ, start_response):
    time.sleep(int(environ["QUERY_STRING"].partition("=")[2] or "0") / 1000)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"{}"]
