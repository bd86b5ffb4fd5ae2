"""The smallest complete answer: one piece, its length declared."""

from wsgiref.validate import validator


@validator
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "12")])
    return [b"hello, world"]
