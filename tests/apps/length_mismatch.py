"""Declares ten bytes and gives another number: ?bytes=N in pieces of ?N/2 and the rest."""


def app(environ, start_response):
    """Not wrapped: the validator does not look, but the lie is the point."""
    size = int(environ["QUERY_STRING"].partition("=")[2])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "10")])
    return [b"a" * (size // 2), b"b" * (size - size // 2)]
