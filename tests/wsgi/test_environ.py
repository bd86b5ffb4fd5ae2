"""The environ, key by key (PEP 3333 "environ Variables", and what Gunicorn adds)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness import Client, Server
from harness.command import program_name

Shared = Callable[..., Server]

ALWAYS = {
    "wsgi.version": ["tuple", [1, 0]],
    "wsgi.input_terminated": ["bool", True],
    "wsgi.run_once": ["bool", False],
    "wsgi.multiprocess": ["bool", False],
    "wsgi.url_scheme": ["str", "http"],
    "REQUEST_METHOD": ["str", "GET"],
    "SCRIPT_NAME": ["str", ""],
    "PATH_INFO": ["str", "/a b/é"],
    "QUERY_STRING": ["str", "q=1%202&r"],
    "RAW_URI": ["str", "/a%20b/%e9?q=1%202&r"],
    "SERVER_PROTOCOL": ["str", "HTTP/1.1"],
    "SERVER_NAME": ["str", "127.0.0.1"],
    "REMOTE_ADDR": ["str", "127.0.0.1"],
    "HTTP_HOST": ["str", "a.test"],
}
PRESENT = ("wsgi.errors", "wsgi.input", "wsgi.file_wrapper", "wsgi.multithread", "wsgi.early_hints")
ABSENT = (
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "HTTP_CONTENT_TYPE",
    "HTTP_CONTENT_LENGTH",
    "REQUEST_URI",
    "REMOTE_HOST",
    "GATEWAY_INTERFACE",
    "HTTPS",
)


def dump(server: Server, raw: bytes) -> dict[str, Any]:
    with server.client() as client:
        client.send(raw)
        response = client.read_response()
        assert response.status == 200, response
        return response.json()  # type: ignore[no-any-return]


def environ(server: Server, target: str = "/", *lines: str, method: str = "GET") -> dict[str, Any]:
    """The environ of a request with these header lines, values only."""
    head = "\r\n".join([f"{method} {target} HTTP/1.1", "Host: a.test", *lines])
    seen = dump(server, head.encode("latin-1") + b"\r\n\r\n")
    return {key: value for key, (_, value) in seen["environ"].items()}


def test_every_key(shared: Shared, mode: str) -> None:
    server = shared("environ_dump:app")
    seen = dump(server, b"GET /a%20b/%e9?q=1%202&r HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert seen["is_dict"]
    got = seen["environ"]
    assert {key: got.get(key) for key in ALWAYS} == ALWAYS
    assert [key for key in PRESENT if key not in got] == []
    assert [key for key in ABSENT if key in got] == []
    assert got["SERVER_PORT"] == ["str", str(server.port)]
    assert got["REMOTE_PORT"][0] == "str"
    assert got["REMOTE_PORT"][1].isdigit()
    assert got["wsgi.multithread"] == ["bool", mode == "gthread"]
    assert got["SERVER_SOFTWARE"][1].startswith(program_name() + "/")
    unexpected = (
        {key for key in got if "." not in key}
        - set(ALWAYS)
        - {
            "SERVER_PORT",
            "REMOTE_PORT",
            "SERVER_SOFTWARE",
        }
    )
    assert unexpected == set()


def test_all_strings_are_latin1(shared: Shared) -> None:
    got = environ(shared("environ_dump:app"), "/%e2%82%ac?%e2%82%ac", "X-Latin: caf\xe9 \xa0")
    assert got["PATH_INFO"].encode("latin-1").decode() == "/\u20ac"
    assert got["QUERY_STRING"] == "%e2%82%ac"
    assert got["HTTP_X_LATIN"] == "caf\xe9 \xa0"


PATHS = [
    ("/", "/", ""),
    ("/a%2Fb", "/a/b", ""),
    ("/a;p=1/b", "/a;p=1/b", ""),
    ("//a/b", "//a/b", ""),
    ("/a//b/", "/a//b/", ""),
    ("/a/../b", "/a/../b", ""),
    ("/a?", "/a", ""),
    ("/a?b?c", "/a", "b?c"),
    ("/a%3fb?c%23", "/a?b", "c%23"),
    ("/%zz%4", "/%zz%4", ""),
    ("/+", "/+", ""),
    ("/%00", "/\0", ""),
    ("http://a.test/p?q", "/p", "q"),
]


@pytest.mark.parametrize("target, path, query", PATHS)
def test_target(shared: Shared, target: str, path: str, query: str) -> None:
    got = environ(shared("environ_dump:app"), target)
    assert (got["PATH_INFO"], got["QUERY_STRING"], got["RAW_URI"]) == (path, query, target)


def test_options_asterisk(shared: Shared) -> None:
    """Through the oracle, since wsgiref.validate wants every path to begin with a slash."""
    with shared("oracle:app").client() as client:
        seen = client.request("OPTIONS", "*").json()
    assert (seen["path"], seen["raw_path"]) == ("*", "*")


HEADERS = [
    (["Content-Type: text/x", "Content-Length: 0"], {"CONTENT_TYPE": "text/x", "CONTENT_LENGTH": "0"}),
    (["X-A: 1", "X-B: 2", "x-a: 3"], {"HTTP_X_A": "1,3", "HTTP_X_B": "2"}),
    (["Cookie: a=1", "Cookie: b=2"], {"HTTP_COOKIE": "a=1; b=2"}),
    (["X-Empty:", "X-Blank: \t "], {"HTTP_X_EMPTY": "", "HTTP_X_BLANK": ""}),
    (["X-Ows: \t v w \t"], {"HTTP_X_OWS": "v w"}),
    (["aCCept: */*"], {"HTTP_ACCEPT": "*/*"}),
    (["X-Dash-Two: 1"], {"HTTP_X_DASH_TWO": "1"}),
    (["X.Dot!#$%&'*+^`|~: 1"], {"HTTP_X.DOT!#$%&'*+^`|~": "1"}),
    (["X-Forwarded-For: 9.9.9.9"], {"HTTP_X_FORWARDED_FOR": "9.9.9.9", "REMOTE_ADDR": "127.0.0.1"}),
    (["Proxy: http://evil/"], {"HTTP_PROXY": "http://evil/"}),
]


@pytest.mark.parametrize("lines, expected", HEADERS)
def test_headers(shared: Shared, lines: list[str], expected: dict[str, str]) -> None:
    got = environ(shared("environ_dump:app"), "/", *lines)
    assert {key: got.get(key) for key in expected} == expected


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE", "M-SEARCH"])
def test_method_as_received(shared: Shared, method: str) -> None:
    assert environ(shared("environ_dump:app"), method=method)["REQUEST_METHOD"] == method


def test_each_request_has_its_own_dict(shared: Shared) -> None:
    with shared("environ_dump:app").client() as client:
        first = client.get("/", {"X-Only-First": "1"}).json()["environ"]
        second = client.get("/").json()["environ"]
    assert "HTTP_X_ONLY_FIRST" in first
    assert "HTTP_X_ONLY_FIRST" not in second


def test_multiprocess_with_two_workers(serve: Callable[..., Server]) -> None:
    server = serve("-w", "2", "environ_dump:app", workers=2)
    assert environ(server)["wsgi.multiprocess"] is True


def test_unix_socket(serve: Callable[..., Server], tmp_path: Any) -> None:
    server = serve("environ_dump:app", bind=f"unix:{tmp_path}/s")
    got = environ(server)
    assert got["REMOTE_ADDR"] == ""
    assert "REMOTE_PORT" not in got
    assert (got["SERVER_NAME"], got["SERVER_PORT"]) == ("a.test", "80")


def test_ipv6(serve: Callable[..., Server]) -> None:
    server = serve("environ_dump:app", bind="tcp6")
    got = environ(server)
    assert (got["SERVER_NAME"], got["REMOTE_ADDR"]) == ("::1", "::1")


def test_http_10(shared: Shared) -> None:
    with shared("environ_dump:app").client() as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        got = client.read_response().json()["environ"]
    assert got["SERVER_PROTOCOL"][1] == "HTTP/1.0"
    assert "HTTP_HOST" not in got


def test_proxy_protocol(serve: Callable[..., Server]) -> None:
    server = serve("--proxy-protocol", "auto", "environ_dump:app", bind="tcp")
    assert server.address is not None
    with Client(server.address) as client:
        client.send(b"PROXY TCP4 203.0.113.7 198.51.100.2 56324 443\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        got = client.read_response().json()["environ"]
    expected = {"REMOTE_ADDR": "203.0.113.7", "REMOTE_PORT": "56324", "PROXY_PROTOCOL": "TCP4"}
    assert {key: got[key][1] for key in expected} == expected
    assert (got["PROXY_ADDR"][1], got["PROXY_PORT"][1]) == ("198.51.100.2", "443")
