"""Notes the query in ENTERED_FILE, then answers: at once, a minute later (/before), or at once (/after), but
with a close() that takes a minute.
"""

import os
import time
from wsgiref.validate import validator

MINUTE_S = 60
entered = os.open(os.environ["ENTERED_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


class Body:
    def __init__(self, close_s):
        self.close_s = close_s

    def __iter__(self):
        yield b"done"

    def close(self):
        time.sleep(self.close_s)


@validator
def app(environ, start_response):
    path = environ["PATH_INFO"]
    os.write(entered, environ["QUERY_STRING"].encode() + b"\n")
    if path == "/before":
        time.sleep(MINUTE_S)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return Body(MINUTE_S if path == "/after" else 0)
