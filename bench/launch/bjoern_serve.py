"""Starts bjoern, which has no command of its own: `bjoern_serve.py MODULE:ATTRIBUTE PORT WORKERS`.

Workers are forked from one listening socket, as bjoern's documentation shows. Called by its row in
sidebyside/peers.py.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import bjoern

module, attribute = sys.argv[1].split(":")
bjoern.listen(getattr(import_module(module), attribute), "127.0.0.1", int(sys.argv[2]))
workers = int(sys.argv[3])
if workers == 1:
    bjoern.run()
    sys.exit()
children = []
for _ in range(workers):
    if (pid := os.fork()) == 0:
        bjoern.run()
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
