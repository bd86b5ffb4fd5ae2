"""Sets the headers that belong to the server, and repeats one of its own."""


def app(environ, start_response):
    """Not wrapped: PEP 3333 forbids these headers; Gunicorn drops them and so do we."""
    headers = [
        ("Content-Type", "text/plain"),
        ("Content-Length", "5"),
        ("Connection", "close"),
        ("Keep-Alive", "timeout=5"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "foo"),
        ("Server", "mine"),
        ("Date", "never"),
        ("TE", "trailers"),
        ("Set-Cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("X-Padded", "  padded\t"),
        ("X-Latin", "caf\xe9"),
    ]
    start_response("200 OK", headers)
    return [b"hello"]
