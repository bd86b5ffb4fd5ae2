"""Starts fastpysgi with a number of workers, which its command does not offer.

`fastpysgi_serve.py MODULE:ATTRIBUTE PORT WORKERS`. All other settings are its defaults. Called by its row in
sidebyside/peers.py.
"""

from __future__ import annotations

import sys
from importlib import import_module

import fastpysgi

module, attribute = sys.argv[1].split(":")
fastpysgi.run(
    getattr(import_module(module), attribute),
    host="127.0.0.1",
    port=int(sys.argv[2]),
    workers=int(sys.argv[3]),
)
