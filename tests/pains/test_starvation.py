"""Threads that wait for clients are threads that serve nobody: here none does.

Pain 15 of docs/why-tricorn.md. Gunicorn: a gthread worker reads requests and writes responses on the threads
that run the application, so as many slow clients as threads hold it up.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from harness import Client, Server, build_request

Serve = Callable[..., Server]
THREADS = 2
SLOW = {
    "half a head": b"GET / HTTP/1.1\r\nHost: a.test\r\nX-A: ",
    "half a body": build_request("POST", "/echo", {"Content-Length": "1000"}, b"x" * 500),
    "a response unread": build_request("GET", "/?kb=20000"),
    "a mixture": b"",
}


@pytest.mark.gunicorn_fails(r"client.get(.*\n)*.*nothing to read within", case="half a head-2")
@pytest.mark.gunicorn_fails(r"client.get(.*\n)*.*nothing to read within", case="half a body-2")
@pytest.mark.gunicorn_fails(r"client.get(.*\n)*.*nothing to read within", case="a response unread-2")
@pytest.mark.parametrize("count", [THREADS, 20 * THREADS])
@pytest.mark.parametrize("kind", SLOW)
def test_pain_15_slow_clients_hold_no_thread(serve: Serve, kind: str, count: int) -> None:
    """As many as there are threads, and many more: others are answered while they go on being slow."""
    server = serve("--threads", str(THREADS), "large_body:app")
    raws = list(SLOW.values())[:-1] if kind == "a mixture" else [SLOW[kind]]
    with ExitStack() as stack:
        for number in range(count):
            assert server.address is not None
            slow = stack.enter_context(Client(server.address, rcvbuf_bytes=4096))
            slow.send(raws[number % len(raws)])
        for _ in range(10):
            with server.client() as client:
                assert len(client.get("/?kb=1").body) == 1024
