"""Forks. /twin: both sides return into the server. /sleeper: a child that sleeps 30 s; its pid is the answer.

/terminate: a multiprocessing child that is terminated at once; its exit code is the answer.
"""

import multiprocessing
import os
import time
from wsgiref.validate import validator


def sleep_in_child():
    pid = os.fork()
    if pid == 0:
        time.sleep(30)
        os._exit(0)
    return pid


def terminate_child():
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(30,))
    child.start()
    child.terminate()
    child.join(10)
    return child.exitcode


@validator
def app(environ, start_response):
    answer = os.getpid()
    path = environ["PATH_INFO"]
    if path == "/twin":
        os.fork()
    elif path == "/sleeper":
        answer = sleep_in_child()
    elif path == "/terminate":
        answer = terminate_child()
    body = str(answer).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
