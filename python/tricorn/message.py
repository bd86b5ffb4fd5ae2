"""What `pre_request` and `post_request` get: a request and its response as attributes.

The bridge makes them only if a configuration defines one of these hooks. The server has parsed the request
and encodes the response by itself. What `pre_request` changes in a request reaches the application (`amend`);
all other changes change nothing but the objects.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

Address = tuple[Any, ...] | str
"""A peer as the socket tells it: `(host, port)`, `(host, port, flow, scope)`, or a path, mostly empty."""


@dataclass(kw_only=True, eq=False)
class Request:
    """The request of an HTTP/1 connection. Any further attribute can be set on it."""

    method: str
    uri: str
    """The request target as it was sent."""
    path: str = ""
    query: str = ""
    fragment: str = ""
    version: tuple[int, int] = (1, 1)
    headers: list[tuple[str, str]] = field(default_factory=list)
    """Names in upper case, values decoded as latin-1, in the order they came."""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    """The same for what followed a chunked body; empty until it was read."""
    scheme: str = "http"
    peer_addr: Address = ""
    """The other end of the connection."""
    remote_addr: Address = ""
    """The same, or what a PROXY header said."""
    proxy_protocol_info: dict[str, Any] | None = None
    req_number: int = 1
    """The first request of a connection has 1."""
    must_close: bool = False

    def force_close(self) -> None:
        """Make `should_close` true."""
        self.must_close = True

    def should_close(self) -> bool:
        """Whether the request wants the connection closed: RFC 9112 9.3, over all Connection fields."""
        fields = [value for name, value in self.headers if name == "CONNECTION"]
        options = {option.strip(" \t").lower() for value in fields for option in value.split(",")}
        if self.must_close or "close" in options:
            return True
        return self.version <= (1, 0) and "keep-alive" not in options


@dataclass(kw_only=True, eq=False)
class Response:
    """What went out for a request. Any further attribute can be set on it."""

    status: str
    """Code and reason: `200 OK`."""
    status_code: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    """The application's own, without Server, Date and Connection."""
    headers_sent: bool = False
    sent: int = 0
    """Bytes of body sent so far."""
    response_length: int | None = None
    """The application's Content-Length."""
    chunked: bool = False
    upgrade: bool = False
    must_close: bool = False
    version: str = "tricorn"
    req: Request | None = None

    def should_close(self) -> bool:
        """Whether the connection is closed after this response."""
        return self.must_close or (self.req is not None and self.req.should_close())


def look(request: Request) -> tuple[Any, ...]:
    """What `amend` compares."""
    headers = list(request.headers)
    return request.method, request.uri, request.path, request.query, request.version, request.scheme, headers


def amend(environ: dict[str, Any], request: Request, before: tuple[Any, ...]) -> None:
    """Make `environ` say what a hook has changed in `request`, whose `look` was `before`: the request line,
    the scheme and the headers, as in Gunicorn, which makes the environ after the hook.
    """
    if before == look(request):
        return
    method, uri, path, query, version, scheme, headers = before
    script_name = environ["SCRIPT_NAME"]
    if headers != request.headers:
        _amend_headers(environ, headers, request.headers)
        script_name = dict(request.headers).get("SCRIPT_NAME", script_name)
    if method != request.method:
        environ["REQUEST_METHOD"] = request.method
    if uri != request.uri:
        environ["RAW_URI"] = request.uri
    if query != request.query:
        environ["QUERY_STRING"] = request.query
    if version != request.version:
        environ["SERVER_PROTOCOL"] = "HTTP/{}.{}".format(*request.version)
    if scheme != request.scheme:
        environ["wsgi.url_scheme"] = request.scheme
    if path != request.path or script_name != environ["SCRIPT_NAME"]:
        environ["SCRIPT_NAME"] = script_name
        environ["PATH_INFO"] = unquote_to_bytes(request.path.removeprefix(script_name)).decode("latin-1")


def _amend_headers(
    environ: dict[str, Any], before: list[tuple[str, str]], now: list[tuple[str, str]]
) -> None:
    for name, _ in before:
        environ.pop(_key(name), None)
    for name, value in now:
        key = _key(name)
        # A repeated field is one list (RFC 9110 5.3); cookies have a separator of their own (RFC 6265 5.4).
        joint = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value


def _key(name: str) -> str:
    """The key of a header in an environ (PEP 3333)."""
    word = name.upper().replace("-", "_")
    return word if word in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{word}"
