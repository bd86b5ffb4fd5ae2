"""A generator: start_response is called when the server asks for the first piece."""

from wsgiref.validate import validator


def pieces(environ, start_response):
    start_response("201 Created", [("Content-Type", "text/plain"), ("X-From", "generator")])
    yield b"one "
    yield b"two"


# The validator wants start_response before it hands out the first piece, which is when a generator calls it.
app = validator(pieces)
