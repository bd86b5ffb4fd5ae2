"""wsgi.input: read, readline, readlines, iteration and sizes, on declared and on chunked bodies."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Server, build_chunks, build_request

Shared = Callable[..., Server]

LINES = b"first line\nsecond\r\n\n" + b"x" * 3000 + b"\nlast without end"
SCRIPTS = [
    "read,read,readline,readlines",
    "read:-1,read:5",
    "read:None,read",
    "read:0,read:1,read:2,read",
    "read:100000,read:1",
    "readline,readline,readline,readline,readline,readline",
    "readline:3,readline:100,readline:0,readline:-1,readline:None,read",
    "readlines,readlines",
    "readlines:5,read",
    "iter,read",
    "next,next,read:3,readline,iter",
    "read:12,iter",
    "readline:1024,readline:1024,readline:1024,readline:1024,readline:1024,readline:1024",
]


def reference(body: bytes, script: str) -> list[Any]:
    """What a file with the same content gives; readlines ignores its hint, as Gunicorn's does."""
    file = io.BytesIO(body)
    results: list[Any] = []
    for step in script.split(","):
        name, *argument = step.split(":")
        size = None if not argument or argument[0] == "None" else int(argument[0])
        if name == "read":
            results.append(file.read(size).decode("latin-1"))
        elif name == "readline":
            results.append(file.readline(-1 if size is None else size).decode("latin-1"))
        elif name == "next":
            results.append(next(file).decode("latin-1"))
        else:
            results.append([line.decode("latin-1") for line in file.readlines()])
    return results


def ask(server: Server, script: str, body: bytes, chunk_bytes: int | None) -> Any:
    target = f"/?{script}"
    with server.client() as client:
        if chunk_bytes is None:
            client.send(build_request("POST", target, body=body))
        else:
            head = {"Transfer-Encoding": "chunked"}
            client.send(build_request("POST", target, head) + build_chunks(body, chunk_bytes))
        results = client.read_response().json()
        assert client.get("/?read").json() == [""], "the connection is out of step"
    return results


@pytest.mark.parametrize("chunk_bytes", [None, 1, 7, 1000, 100_000])
@pytest.mark.parametrize("script", SCRIPTS)
def test_as_a_file(shared: Shared, script: str, chunk_bytes: int | None) -> None:
    got = ask(shared("input_script:app"), script.replace("iter", "iter"), LINES, chunk_bytes)
    assert got == reference(LINES, script)


@pytest.mark.parametrize(
    "size", [0, 1, 1023, 1024, 1025, 8191, 8192, 65535, 65536, 65537, 1 << 20, (1 << 20) + 1]
)
@pytest.mark.parametrize("chunk_bytes", [None, 4096, 65536])
def test_sizes(shared: Shared, size: int, chunk_bytes: int | None) -> None:
    body = bytes(number % 251 for number in range(size % 5000)) * (size // max(1, size % 5000) + 1)
    body = body[:size]
    with shared("large_body:app").client() as client:
        if chunk_bytes is None:
            response = client.request("POST", "/echo", body=body)
        else:
            client.send(build_request("POST", "/echo", {"Transfer-Encoding": "chunked"}))
            client.send(build_chunks(body, chunk_bytes))
            response = client.read_response()
    assert response.body == body


@pytest.mark.parametrize("options", [("--body-buffer", "1000"), ("--body-spool", "stream")])
def test_large_body_beyond_memory(shared: Shared, options: tuple[str, ...]) -> None:
    body = b"0123456789abcdef" * 200_000
    with shared(*options, "large_body:app").client() as client:
        assert client.request("POST", "/echo", body=body).body == body
        assert client.request("POST", "/echo", body=b"small").body == b"small"


@pytest.mark.parametrize("options", [("--body-buffer", "1000"), ("--body-spool", "stream")])
@pytest.mark.parametrize("script", SCRIPTS)
def test_as_a_file_spooled_or_streamed(shared: Shared, options: tuple[str, ...], script: str) -> None:
    assert ask(shared(*options, "input_script:app"), script, LINES, None) == reference(LINES, script)


def test_no_body(shared: Shared) -> None:
    with shared("input_script:app").client() as client:
        assert client.get("/?read,read:5,readline,readlines,iter").json() == ["", "", "", [], []]


def test_wrong_size_type(shared: Shared) -> None:
    with shared("input_script:app").client() as client:
        [result] = client.request("POST", "/?read:None", body=b"abc").json()
    assert result == "abc"


@pytest.mark.parametrize("target", ["/", "/?read:2"])
def test_unread_body_does_not_become_a_request(shared: Shared, target: str) -> None:
    smuggled = b"GET /?smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"
    server = shared("hello:app") if target == "/" else shared("input_script:app")
    with server.client() as client:
        client.send(build_request("POST", target, body=smuggled) + build_request("GET", target))
        assert client.read_response().status == 200
        assert client.read_response().status == 200
        assert not client.is_readable(0.05)


@pytest.mark.parametrize("spool", ["file", "stream"])
@pytest.mark.parametrize("ending", ["half-close", "reset"])
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_short_body_is_never_complete(
    serve: Callable[..., Server], tmp_path: Path, spool: str, ending: str, coding: str
) -> None:
    """RFC 9112 section 8: a message that ends early is incomplete. read() raises OSError, or nobody is
    called.
    """
    result = tmp_path / "result"
    result.touch()
    server = serve("--body-spool", spool, "short_body:app", env={"RESULT_FILE": str(result)})
    mark = server.stderr.mark()
    with server.client() as client:
        if coding == "length":
            client.send(build_request("POST", "/", {"Content-Length": "10"}, b"hello"))
        else:
            head = {"Transfer-Encoding": "chunked", "Content-Length-Hint": "10"}
            client.send(build_request("POST", "/", head) + b"a\r\nhello")
        if ending == "reset":
            client.rst()
        else:
            client.shutdown_write()
            response = client.try_response()
            assert response is None or response.status in (400, 500)
    with server.client() as client:
        assert client.get("/").status == 500  # no CONTENT_LENGTH: the KeyError comes after the short body
    outcomes = result.read_text().splitlines()
    assert all(outcome.startswith("OSError") for outcome in outcomes), outcomes
    assert "panicked" not in server.stderr.text(mark)
