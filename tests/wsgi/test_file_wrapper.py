"""wsgi.file_wrapper: sendfile for real files, iteration for the rest, offsets, lengths, and close()."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server
from harness.processes import open_files
from harness.wire import WireError

CONTENT = bytes(range(256)) * 2000
SIZE = len(CONTENT)


@pytest.fixture(scope="module")
def content_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file_wrapper") / "content"
    path.write_bytes(CONTENT)
    return path


CASES = [
    ("/", CONTENT),
    (f"/?length={SIZE}", CONTENT),
    ("/?offset=100", CONTENT[100:]),
    (f"/?offset=100&length={SIZE - 100}", CONTENT[100:]),
    ("/?length=1000", CONTENT[:1000]),
    ("/?offset=500&length=1000", CONTENT[500:1500]),
    (f"/?offset={SIZE}", b""),
    (f"/?offset={SIZE}&length=0", b""),
    ("/?kind=bytes", CONTENT),
    (f"/?kind=bytes&offset=7&length={SIZE - 7}", CONTENT[7:]),
    ("/?kind=plain&block=1000", CONTENT),
    (f"/?kind=plain&length={SIZE}", CONTENT),
    ("/?kind=generator", CONTENT),
    (f"/?kind=generator&offset=9&length={SIZE - 9}", CONTENT[9:]),
    ("/validated", CONTENT),
    (f"/validated?offset=3&length={SIZE - 3}", CONTENT[3:]),
]


@pytest.mark.parametrize("sendfile", ["on", "off"])
@pytest.mark.parametrize("target, body", CASES)
def test_body(
    shared: Callable[..., Server], content_file: Path, target: str, body: bytes, sendfile: str
) -> None:
    options = ["--no-sendfile"] if sendfile == "off" else []
    server = shared(*options, "file_wrapper:app", env={"FILE": str(content_file)})
    with server.client() as client:
        response = client.get(target)
        assert response.body == body
        assert response.header("content-length") == (
            str(len(body)) if "length" in target else response.header("content-length")
        )
        assert client.get("/?length=10").body == CONTENT[:10], "the connection is out of step"


def test_head(shared: Callable[..., Server], content_file: Path) -> None:
    with shared("file_wrapper:app", env={"FILE": str(content_file)}).client() as client:
        assert client.request("HEAD", f"/?length={SIZE}").header("content-length") == str(SIZE)
        assert client.get("/?length=10").body == CONTENT[:10]


def test_http_10(shared: Callable[..., Server], content_file: Path) -> None:
    with shared("file_wrapper:app", env={"FILE": str(content_file)}).client() as client:
        response = client.request("GET", "/", version="1.0")
    assert response.body == CONTENT
    assert response.header("transfer-encoding") is None


def test_declared_longer_than_the_file(shared: Callable[..., Server], content_file: Path) -> None:
    """The response cannot be completed: the connection ends, and nobody waits for ever."""
    with shared("file_wrapper:app", env={"FILE": str(content_file)}).client() as client:
        client.send(f"GET /?length={SIZE + 5} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
        with pytest.raises(WireError, match=f"{SIZE} of {SIZE + 5} bytes"):
            client.read_response()


def test_descriptors_do_not_leak(shared: Callable[..., Server], content_file: Path) -> None:
    """The wrapper's close() closes the file, in every kind of response."""
    server = shared("file_wrapper:app", env={"FILE": str(content_file)})
    with server.client() as client:
        client.get("/")
        [worker] = server.workers()
        before = len(open_files(worker))
        for _ in range(20):
            for target in ("/", "/?length=1000", "/validated"):
                client.get(target)
        assert len(open_files(worker)) <= before + 1
