"""Calls a WSGI application in a loop without a server: what the application itself costs.

`app_alone.py MODULE:ATTRIBUTE SECONDS` prints one JSON line. Each call gets a fresh copy of an environ like
the one a server would make of wrk's request; the response is iterated and closed as PEP 3333 asks. Called by
sidebyside/measure.py; it opens no socket.
"""

from __future__ import annotations

import io
import json
import sys
import time
from importlib import import_module
from resource import RUSAGE_SELF, getrusage
from typing import Any

CALLS_WARM = 3000
CALLS_BETWEEN_CLOCK_READS = 100
ENVIRON: dict[str, Any] = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8000",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_SOFTWARE": "none",
    "REMOTE_ADDR": "127.0.0.1",
    "REMOTE_PORT": "50000",
    "RAW_URI": "/",
    "HTTP_HOST": "127.0.0.1:8000",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.input": io.BytesIO(),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
    if not status.startswith("200 "):
        raise SystemExit(f"the application answered {status}")


def load(name: str) -> Any:
    module, attribute = name.split(":")
    return getattr(import_module(module), attribute)


def call(app: Any, times: int) -> None:
    for _ in range(times):
        response = app(ENVIRON.copy(), start_response)
        for _chunk in response:
            pass
        if (close := getattr(response, "close", None)) is not None:
            close()


def main() -> None:
    app = load(sys.argv[1])
    call(app, CALLS_WARM)
    calls = 0
    before, end = getrusage(RUSAGE_SELF), time.monotonic() + float(sys.argv[2])
    while time.monotonic() < end:
        call(app, CALLS_BETWEEN_CLOCK_READS)
        calls += CALLS_BETWEEN_CLOCK_READS
    after = getrusage(RUSAGE_SELF)
    user_us = (after.ru_utime - before.ru_utime) * 1e6 / calls
    system_us = (after.ru_stime - before.ru_stime) * 1e6 / calls
    print(json.dumps({"calls": calls, "user_us": user_us, "cpu_us": user_us + system_us}))


if __name__ == "__main__":
    main()
