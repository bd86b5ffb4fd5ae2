"""Leaves an orphan behind with every request: a grandchild whose parent has ended, and which ends at once."""

import os
from wsgiref.validate import validator


def leave_orphan():
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            os._exit(3)
        os._exit(0)
    os.waitpid(child, 0)


@validator
def app(environ, start_response):
    leave_orphan()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
