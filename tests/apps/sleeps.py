"""Sleeps as many milliseconds as ?ms= says, then answers with the worker's pid and the thread's name."""

import os
import threading
import time
from wsgiref.validate import validator


@validator
def app(environ, start_response):
    time.sleep(int(environ["QUERY_STRING"].partition("=")[2] or "0") / 1000)
    data = f"{os.getpid()} {threading.current_thread().ident}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(data)))])
    return [data]
