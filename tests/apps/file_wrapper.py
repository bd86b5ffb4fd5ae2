"""Returns wsgi.file_wrapper round the file FILE names:
?offset=N&length=N|none&kind=file|bytes|wrapped|generator
"""

import io
import os
from urllib.parse import parse_qs
from wsgiref.validate import validator


class Plain:
    """A file-like object with read() and nothing else."""

    def __init__(self, file):
        self.read = file.read


def respond(environ, start_response):
    query = {key: values[0] for key, values in parse_qs(environ["QUERY_STRING"]).items()}
    file = open(os.environ["FILE"], "rb")  # noqa: SIM115 (the server closes it)
    if query.get("kind") == "bytes":
        file = io.BytesIO(file.read())
    if query.get("kind") == "plain":
        file = Plain(file)
    if "offset" in query:
        file.seek(int(query["offset"]))
    headers = [("Content-Type", "application/octet-stream")]
    if "length" in query:
        headers.append(("Content-Length", query["length"]))
    start_response("200 OK", headers)
    body = environ["wsgi.file_wrapper"](file, int(query.get("block", 8192)))
    return (piece for piece in body) if query.get("kind") == "generator" else body


def app(environ, start_response):
    """Only /validated is wrapped: the server must see its own wrapper come back to use sendfile."""
    if environ["PATH_INFO"] == "/validated":
        return validator(respond)(environ, start_response)
    return respond(environ, start_response)
