"""Reads the whole body and writes what became of it to the file that RESULT_FILE names."""

import os
from wsgiref.validate import validator


@validator
def app(environ, start_response):
    try:
        outcome = f"complete {len(environ['wsgi.input'].read(int(environ['CONTENT_LENGTH'])))}"
    except OSError as error:
        outcome = f"OSError {error}"
        raise
    finally:
        with open(os.environ["RESULT_FILE"], "a") as file:
            file.write(outcome + "\n")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"read"]
