"""Waiting with a deadline, for states that no descriptor announces (a pid that is gone, a file that appears).

Called by the harness and by tests. Where an event can be awaited (a log line, a readable socket) that is used
instead: see output.py and client.py.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Where what is waited for will not come (tests/pains asks Gunicorn), the variable keeps the wait short.
START_DEADLINE_S = 15.0
"""For the start of a server, which no test expects to fail by time."""
DEADLINE_S = float(os.environ.get("TRICORN_TEST_DEADLINE_S", "15"))
_PAUSE_S = 0.005


class DeadlineError(AssertionError):
    """Something that had to happen did not happen in time."""


def wait_until(question: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """Ask `question` until its answer is truthy, and return that answer; fail after `deadline_s` seconds."""
    end = time.monotonic() + deadline_s
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise DeadlineError(f"not within {deadline_s} s: {what}")
        time.sleep(_PAUSE_S)
