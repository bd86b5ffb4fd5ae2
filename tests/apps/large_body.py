"""?kb= kilobytes: / with a declared length in one piece, /chunked in pieces of 10 KB, /echo what was sent."""

from wsgiref.validate import validator


@validator
def app(environ, start_response):
    size = int(environ["QUERY_STRING"].partition("=")[2] or "0") * 1024
    headers = [("Content-Type", "application/octet-stream")]
    if environ["PATH_INFO"] == "/chunked":
        start_response("200 OK", headers)
        return (b"y" * 10240 for _ in range(size // 10240))
    body = environ["wsgi.input"].read(-1) if environ["PATH_INFO"] == "/echo" else b"x" * size
    start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
    return [body]
