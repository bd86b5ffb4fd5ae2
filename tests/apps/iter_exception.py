"""Raises while the body is produced: /first before the first piece, /later after it, /length in a declared
one.
"""

from wsgiref.validate import validator


@validator
def app(environ, start_response):
    path = environ["PATH_INFO"]
    headers = [("Content-Type", "text/plain")]
    if path == "/length":
        headers.append(("Content-Length", "100"))
    start_response("200 OK", headers)
    if path != "/first":
        yield b"begun "
    raise RuntimeError("the iteration failed")
