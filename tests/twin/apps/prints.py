"""Writes one line to stdout, to stderr and to wsgi.errors, and answers with nothing."""

import sys


def app(environ, start_response):
    print("to stdout", flush=True)
    print("to stderr", file=sys.stderr, flush=True)
    environ["wsgi.errors"].write("to errors\n")
    start_response("200 OK", [("Content-Length", "0")])
    return []
