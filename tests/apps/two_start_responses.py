"""Calls start_response twice without exc_info, which PEP 3333 forbids."""


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    start_response("202 Accepted", [("Content-Type", "text/plain")])
    return [b"never"]
