"""Limits of the request: line, fields, field size and body, each at its edge."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import Server, build_chunks, build_request

Shared = Callable[..., Server]
BODY_MAX = 1000


def status_of(server: Server, raw: bytes) -> int:
    with server.client() as client:
        client.send(raw)
        return client.read_response().status


BODIES = [
    (0, 200),
    (1, 200),
    (BODY_MAX - 1, 200),
    (BODY_MAX, 200),
    (BODY_MAX + 1, 413),
    (100 * BODY_MAX, 413),
]


@pytest.mark.parametrize("size, status", BODIES)
@pytest.mark.parametrize("chunk_bytes", [None, 100, 100_000])
def test_body(shared: Shared, size: int, status: int, chunk_bytes: int | None) -> None:
    server = shared("--limit-request-body", str(BODY_MAX), "large_body:app")
    body = b"x" * size
    if chunk_bytes is None:
        raw = build_request("POST", "/echo", body=body)
    else:
        raw = build_request("POST", "/echo", {"Transfer-Encoding": "chunked"}) + build_chunks(
            body, chunk_bytes
        )
    assert status_of(server, raw) == status


def test_declared_body_is_refused_before_it_is_sent(shared: Shared) -> None:
    server = shared("--limit-request-body", str(BODY_MAX), "large_body:app")
    with server.client() as client:
        head = {"Content-Length": str(BODY_MAX + 1), "Expect": "100-continue"}
        client.send(build_request("POST", "/echo", head))
        response = client.read_response()
        assert (response.status, response.interim) == (413, [])
        assert client.read_to_end() == b""


@pytest.mark.parametrize("count, status", [(1, 200), (5, 200), (6, 431), (50, 431)])
def test_fields(shared: Shared, count: int, status: int) -> None:
    server = shared("--limit-request-fields", "5", "hello:app")
    fields = "".join(f"X-{number}: 1\r\n" for number in range(count - 1))
    assert status_of(server, f"GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode()) == status


@pytest.mark.parametrize("size, status", [(50, 200), (100, 200), (101, 431), (10_000, 431)])
def test_field_size(shared: Shared, size: int, status: int) -> None:
    """The limit counts the field line with its CRLF."""
    server = shared("--limit-request-field_size", "100", "hello:app")
    value = "v" * (size - len("X-A: ") - 2)
    assert status_of(server, f"GET / HTTP/1.1\r\nHost: a\r\nX-A: {value}\r\n\r\n".encode()) == status


@pytest.mark.parametrize("size, status", [(50, 200), (100, 200), (101, 414), (10_000, 414)])
def test_line(shared: Shared, size: int, status: int) -> None:
    server = shared("--limit-request-line", "100", "hello:app")
    target = "/" + "a" * (size - len("GET / HTTP/1.1"))
    assert status_of(server, f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()) == status
