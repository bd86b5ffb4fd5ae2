"""Starts a command as systemd would: the sockets at fd 3 and up, LISTEN_FDS and LISTEN_PID in the
environment.

usage: activate.py FD[,FD...] COMMAND ...    (LISTEN_PID_OFFSET=1 in the environment makes the pid a wrong
one)
"""

from __future__ import annotations

import os
import sys

fds = [int(word) for word in sys.argv[1].split(",")]
for number, fd in enumerate(fds):
    os.dup2(fd, 3 + number)
    os.set_inheritable(3 + number, True)
os.environ["LISTEN_FDS"] = str(len(fds))
os.environ["LISTEN_PID"] = str(os.getpid() + int(os.environ.get("LISTEN_PID_OFFSET", "0")))
os.execv(sys.argv[2], sys.argv[2:])
