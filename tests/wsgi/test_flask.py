"""Flask as people use it: forms, uploads, streams, files, redirects, errors, cookies."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import Response, Server

Shared = Callable[..., Server]


def ask(
    shared: Shared, method: str, target: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> Response:
    with shared("flask_app:app").client() as client:
        response = client.request(method, target, headers, body)
        assert client.get("/").body == b"hello from flask", "the connection is out of step"
        return response


def test_form_and_upload(shared: Shared) -> None:
    upload = b"z" * 300_000
    body = (
        b'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--xx\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + upload + b"\r\n--xx--\r\n"
    )
    response = ask(shared, "POST", "/form", {"Content-Type": "multipart/form-data; boundary=xx"}, body)
    assert response.json() == {"form": {"a": "1"}, "files": {"f": 300_000}, "ip": "127.0.0.1"}


def test_stream(shared: Shared) -> None:
    response = ask(shared, "GET", "/stream")
    assert response.body == b"".join(b"piece %d\n" % number for number in range(100))


@pytest.mark.parametrize("method, size", [("GET", 100_000), ("HEAD", 0)])
def test_send_file(shared: Shared, method: str, size: int) -> None:
    response = ask(shared, method, "/file")
    assert (len(response.body), response.header("content-length")) == (size, "100000")


def test_send_file_conditional(shared: Shared) -> None:
    whole = ask(shared, "GET", "/this")
    etag = whole.header("etag") or ""
    assert ask(shared, "GET", "/this", {"If-None-Match": etag}).status == 304
    part = ask(shared, "GET", "/this", {"Range": "bytes=5-14"})
    assert (part.status, part.body) == (206, whole.body[5:15])


@pytest.mark.parametrize(
    "target, status", [("/redirect", 302), ("/teapot", 418), ("/boom", 500), ("/nowhere", 404)]
)
def test_statuses(shared: Shared, target: str, status: int) -> None:
    assert ask(shared, "GET", target).status == status


def test_cookies(shared: Shared) -> None:
    response = ask(shared, "GET", "/cookies", {"Cookie": "a=1; b=2"})
    assert response.json() == {"a": "1", "b": "2"}
    assert response.header("set-cookie") == "seen=1; Path=/"
