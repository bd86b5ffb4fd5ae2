"""Two early hints, then the answer; /late tries one more after the head has gone, /bad sends an unlawful
one.
"""

from wsgiref.validate import validator


@validator
def app(environ, start_response):
    hint = environ["wsgi.early_hints"]
    hint([("Link", "</a.css>; rel=preload; as=style")])
    if environ["PATH_INFO"] == "/bad":
        hint([("X-A", "1\r\nX-Injected: 1")])
    hint([("Link", b"</b.js>; rel=preload; as=script"), ("X-Hint", "2")])
    write = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    if environ["PATH_INFO"] == "/late":
        write(b"he")
        hint([("Link", "</late.css>")])
        return [b"llo"]
    return [b"hello"]
