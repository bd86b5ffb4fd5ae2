"""Ends its worker in the way the path names: /os-exit, /sys-exit, /abort, /segv, /kill. / answers with the
pid.
"""

import ctypes
import os
import signal
import sys
from wsgiref.validate import validator

WAYS = {
    "/os-exit": lambda: os._exit(7),
    "/sys-exit": lambda: sys.exit(9),
    "/abort": os.abort,
    "/segv": lambda: ctypes.string_at(0),
    "/kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
}


@validator
def app(environ, start_response):
    WAYS.get(environ["PATH_INFO"], lambda: None)()
    data = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(data)))])
    return [data]
