"""Reads the body exactly as the query says, and answers with every result and every exception.

The query is a comma-separated list: read, read:N, readline, readline:N, readlines, readlines:N, iter, next.
"""

import json

OPERATIONS = {
    "read": lambda body, *size: body.read(*size),
    "readline": lambda body, *size: body.readline(*size),
    "readlines": lambda body, *size: body.readlines(*size),
    "iter": lambda body: list(body),
    "next": lambda body: next(iter(body)),
}


def run(body, step):
    """One step: its result as text, or the exception's classes."""
    name, *argument = step.split(":")
    try:
        result = OPERATIONS[name](body, *(None if word == "None" else int(word) for word in argument))
    except Exception as error:
        return {"raised": [kind.__name__ for kind in type(error).__mro__], "text": str(error)}
    if isinstance(result, list):
        return [piece.decode("latin-1") for piece in result]
    return result.decode("latin-1")


def app(environ, start_response):
    """Not wrapped: the validator forbids read() without a size, which applications do call."""
    body = environ["wsgi.input"]
    data = json.dumps([run(body, step) for step in environ["QUERY_STRING"].split(",")]).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]
