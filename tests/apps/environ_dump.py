"""Answers with the environ: each key with the type of its value and the value itself, as JSON."""

import json
from wsgiref.validate import validator


@validator
def app(environ, start_response):
    # The validator wraps these two; what it wraps is what the server made.
    wrapped = {"wsgi.input": "input", "wsgi.errors": "errors"}
    seen = {}
    for key, value in environ.items():
        inner = getattr(value, wrapped[key]) if key in wrapped else value
        plain = list(value) if isinstance(value, tuple) else value
        seen[key] = [type(inner).__name__, plain if isinstance(plain, (str, bool, int, list)) else None]
    data = json.dumps({"environ": seen, "order": list(environ), "is_dict": type(environ) is dict}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]
