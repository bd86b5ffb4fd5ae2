"""Two kinds of request: /fast waits 2 ms, /slow waits 100 ms. For the tail-latency scenario.

Sleeping (not computing) keeps two workers on one core independent of each other, so that what is measured is
which worker a request waits for. The lengths are those of sidebyside/scenarios.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

BODY = b"slept"
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    time.sleep(0.100 if environ["PATH_INFO"] == "/slow" else 0.002)
    start_response("200 OK", HEADERS)
    return [BODY]
