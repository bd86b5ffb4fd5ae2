"""The harness of the black-box tests: a server as a process, a client as a socket, and deadlines on both.

Owns starting, watching and ending the server under test, and speaking HTTP/1.1 to it byte by byte.
Called by every test below `tests/`; knows nothing about what a single test wants to prove.
Does not import the server: whatever command `TRICORN_TEST_SERVER` names is a black box.
"""

from __future__ import annotations

from harness.client import Client, build_chunks, build_request
from harness.command import server_command
from harness.datagrams import Datagrams
from harness.output import Output
from harness.server import Server, run_to_end
from harness.waiting import DeadlineError, wait_until
from harness.wire import Response, WireError

__all__ = [
    "Client",
    "Datagrams",
    "DeadlineError",
    "Output",
    "Response",
    "Server",
    "WireError",
    "build_chunks",
    "build_request",
    "run_to_end",
    "server_command",
    "wait_until",
]
