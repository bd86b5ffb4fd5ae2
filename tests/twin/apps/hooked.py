"""Answers, and notes what happens to it in events.txt in the directory of the start, as the hooks of
hooks.py do.
"""

import os

NOTES = os.path.join(os.getcwd(), "events.txt")


def note(text):
    with open(NOTES, "a") as file:
        file.write(text + "\n")


class Reply:
    def __iter__(self):
        yield b"ok"

    def close(self):
        if "CLOSE_IS_NOTED" in os.environ:
            note("application: close")


def app(environ, start_response):
    note(f"application: call {environ['PATH_INFO']}")
    start_response("200 OK", [("Content-Length", "2"), ("X-Reply", "1")])
    return Reply()
