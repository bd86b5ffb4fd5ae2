"""Answers with what the process looks like: pid, parent, ids, directory, umask, path, environment, module
count.
"""

import json
import os
import sys
from wsgiref.validate import validator

IMPORTED_BY = os.getpid()


def describe():
    umask = os.umask(0)
    os.umask(umask)
    with open("/proc/self/cmdline", "rb") as file:
        title = file.read().split(b"\0")[0].decode()
    return {
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "imported_by": IMPORTED_BY,
        "uid": os.geteuid(),
        "gid": os.getegid(),
        "groups": sorted(os.getgroups()),
        "cwd": os.getcwd(),
        "umask": umask,
        "path": sys.path,
        "environ": dict(os.environ),
        "title": title,
    }


@validator
def app(environ, start_response):
    data = json.dumps(describe()).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]
