"""start_response with exc_info: before the head has gone out it replaces, afterwards it re-raises."""

import sys
from wsgiref.validate import validator

PLAIN = [("Content-Type", "text/plain")]


def failing(start_response, status="500 Oops"):
    try:
        raise RuntimeError("the application failed")
    except RuntimeError:
        return start_response(status, [*PLAIN, ("X-Second", "1")], sys.exc_info())


def replaced(environ, start_response):
    start_response("200 OK", [*PLAIN, ("X-First", "1")])
    failing(start_response)
    return [b"the error page of the application"]


def first_call(environ, start_response):
    failing(start_response)
    return [b"the error page of the application"]


def after_write(environ, start_response):
    start_response("200 OK", [*PLAIN, ("Content-Length", "100")])(b"begun ")
    failing(start_response)
    return [b"never"]


def after_piece(environ, start_response):
    start_response("200 OK", [*PLAIN, ("Content-Length", "100")])
    yield b"begun "
    failing(start_response)
    yield b"never"


ROUTES = {
    "/replaced": replaced,
    "/first": first_call,
    "/after-write": after_write,
    "/after-piece": after_piece,
}


@validator
def app(environ, start_response):
    return ROUTES[environ["PATH_INFO"]](environ, start_response)
