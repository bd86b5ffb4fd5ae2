"""Configuration of a Gunicorn under test: its workers say when they serve (see `gunicorn.py`)."""

from __future__ import annotations

import os
import sys


def post_worker_init(worker: object) -> None:
    """The application is loaded."""
    sys.stderr.write(f"Serving: {os.getpid()}\n")
