"""The WSGI environ, whole, under the settings that change it; trust in proxies; the PROXY protocol."""

from __future__ import annotations

from harness import build_request
from twin.scenario import Scenario, Step
from twin.steps import environ_of

APP = "environ_dump:app"
GTHREAD = ("-k", "gthread", "--threads", "2")
CLOSE = {"Connection": "close"}
SECURE = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "9.9.9.9", **CLOSE}
PLAIN = build_request("GET", "/", CLOSE)


def get(headers: dict[str, str], target: str = "/") -> bytes:
    """A GET that closes."""
    return build_request("GET", target, {**CLOSE, **headers})


def scenario(
    name: str,
    settings: tuple[str, ...],
    arguments: tuple[str, ...],
    *steps: Step,
    env: dict[str, str] | None = None,
    bind: str = "tcp",
    conf: str = "",
) -> Scenario:
    """A server with environ_dump."""
    files = {"gunicorn.conf.py": conf} if conf else {}
    return Scenario(f"environ-{name}", settings, (*arguments, APP), steps, files, env or {}, bind)


PROXY_KEYS = ("REMOTE_ADDR", "REMOTE_PORT", "PROXY_PROTOCOL", "PROXY_ADDR", "PROXY_PORT")
V1 = b"PROXY TCP4 192.0.2.7 192.0.2.8 4711 80\r\n"
V1_V6 = b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 80\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V2 = SIGNATURE + b"\x21\x11\x00\x0c" + bytes([192, 0, 2, 7, 192, 0, 2, 8]) + b"\x12\x67\x00\x50"
V2_LOCAL = SIGNATURE + b"\x20\x00\x00\x00"

SCENARIOS: list[Scenario] = [
    scenario(
        "sync",
        ("worker_class",),
        (),
        environ_of("get", target="/a%20b/%2F;c?d=e&f"),
        environ_of("post", (), build_request("POST", "/", {"Content-Type": "text/plain", **CLOSE}, b"abc")),
    ),
    scenario("gthread", ("worker_class", "threads"), GTHREAD, environ_of("get")),
    scenario(
        "threads-make-gthread", ("threads",), ("--threads", "3"), environ_of("get", ("wsgi.multithread",))
    ),
    scenario(
        "changed-by-pre-request",
        ("pre_request",),
        (),
        environ_of("get", (), get({"X-Secret": "s", "X-Kept": "k", "Content-Type": "a/b"}, "/a?b")),
        conf=(
            "def pre_request(worker, req):\n"
            "    req.headers[:] = [pair for pair in req.headers if pair[0] != 'X-SECRET']\n"
            "    req.headers += [('X-REQUEST-ID', '7'), ('X-KEPT', 'too')]\n"
            "    req.method, req.scheme = 'PUT', 'https'\n"
            "    req.path, req.uri, req.query = '/c%20d', '/e', 'f=1'\n"
        ),
    ),
    scenario(
        "wrapped-by-post-worker-init",
        ("post_worker_init",),
        (),
        environ_of("get", (), get({})),
        conf=(
            "def post_worker_init(worker):\n"
            "    inner = worker.wsgi\n"
            "    worker.wsgi = lambda environ, start: inner({**environ, 'HTTP_WRAPPED': 'yes'}, start)\n"
        ),
    ),
    Scenario(
        "environ-multiprocess",
        ("workers",),
        ("-w", "2", APP),
        (environ_of("get", ("wsgi.multiprocess", "wsgi.multithread")),),
        workers=2,
    ),
    scenario(
        "unix",
        ("bind",),
        (),
        environ_of(
            "get", ("REMOTE_ADDR", "REMOTE_PORT", "SERVER_NAME", "SERVER_PORT"), get({"Host": "b.test:81"})
        ),
        environ_of("secure", ("wsgi.url_scheme", "SERVER_PORT"), get({"X-Forwarded-Proto": "https"})),
        environ_of("no host", ("SERVER_NAME", "SERVER_PORT"), b"GET / HTTP/1.0\r\n\r\n"),
        bind="unix:{dir}/sock",
    ),
    scenario("ipv6", ("bind",), (), environ_of("get", ("REMOTE_ADDR", "SERVER_NAME")), bind="tcp6"),
    scenario(
        "script-name",
        (),
        (),
        environ_of("get", ("SCRIPT_NAME", "PATH_INFO"), target="/app/x"),
        environ_of("longer word", ("SCRIPT_NAME", "PATH_INFO"), target="/apple"),
        environ_of("outside", ("SCRIPT_NAME", "PATH_INFO"), target="/other"),
        env={"SCRIPT_NAME": "/app"},
    ),
    scenario(
        "headers",
        (),
        GTHREAD,
        environ_of(
            "twice",
            ("HTTP_X_A", "HTTP_ACCEPT"),
            b"GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a:  2 \r\nAccept: a\r\nAccept: b\r\n"
            b"Connection: close\r\n\r\n",
        ),
        environ_of(
            "cookies",
            ("HTTP_COOKIE",),
            b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\nConnection: close\r\n\r\n",
        ),
        environ_of(
            "latin-1",
            ("HTTP_X_A",),
            b"GET / HTTP/1.1\r\nHost: a\r\nX-A: \xe4\xff\r\nConnection: close\r\n\r\n",
        ),
        environ_of("empty value", ("HTTP_X_A",), get({"X-A": ""})),
        environ_of("no host", ("HTTP_HOST", "SERVER_NAME"), b"GET / HTTP/1.0\r\n\r\n"),
    ),
    scenario(
        "targets",
        (),
        GTHREAD,
        *[
            environ_of(
                target,
                ("RAW_URI", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "HTTP_HOST"),
                get({"Host": "a.test"}, target),
            )
            for target in (
                "//a/b",
                "/%C3%A4%ff",
                "/a?b?c",
                "/?",
                "http://a.test/x?y",
                "http://a.test",
                "/a/../b",
                "http://other.test/x",
                "ftp://a.test/x",
            )
        ],
        environ_of("*", ("RAW_URI", "PATH_INFO"), build_request("OPTIONS", "*", CLOSE)),
        environ_of("CONNECT", ("RAW_URI", "PATH_INFO"), build_request("CONNECT", "a.test:443", CLOSE)),
    ),
    scenario(
        "trusted",
        ("forwarded_allow_ips",),
        (),
        environ_of("secure", ("wsgi.url_scheme", "REMOTE_ADDR"), get(SECURE)),
        environ_of("http", ("wsgi.url_scheme",), get({"X-Forwarded-Proto": "http"})),
        environ_of("upper case", ("wsgi.url_scheme",), get({"X-Forwarded-Proto": "HTTPS"})),
        environ_of("list", ("wsgi.url_scheme",), get({"X-Forwarded-Proto": "https, http"})),
        environ_of("ssl", ("wsgi.url_scheme",), get({"X-Forwarded-Ssl": "on"})),
        environ_of("protocol", ("wsgi.url_scheme",), get({"X-Forwarded-Protocol": "ssl"})),
        environ_of(
            "contradiction", ("wsgi.url_scheme",), get({"X-Forwarded-Ssl": "on", "X-Forwarded-Proto": "http"})
        ),
    ),
    scenario(
        "stranger",
        ("forwarded_allow_ips",),
        ("--forwarded-allow-ips", "192.0.2.0/24"),
        environ_of("secure", ("wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO"), get(SECURE)),
        environ_of("script name", ("SCRIPT_NAME", "HTTP_SCRIPT_NAME"), get({"SCRIPT_NAME": "/x"}, "/x/y")),
    ),
    scenario(
        "everybody",
        ("forwarded_allow_ips",),
        ("--forwarded-allow-ips", "*"),
        environ_of("secure", ("wsgi.url_scheme",), get(SECURE)),
    ),
    scenario(
        "mapped-address",
        ("forwarded_allow_ips",),
        ("--forwarded-allow-ips", "::ffff:127.0.0.1"),
        environ_of("secure", ("wsgi.url_scheme",), get(SECURE)),
    ),
    # A client of IPv4 at a listener of both families: the kernel calls it ::ffff:127.0.0.1.
    Scenario(
        "environ-mapped-peer",
        ("forwarded_allow_ips",),
        ("-b", "[::]:{port}", APP),
        (environ_of("secure", ("wsgi.url_scheme", "REMOTE_ADDR"), get(SECURE)),),
        bind=None,
    ),
    scenario(
        "scheme-headers",
        ("secure_scheme_headers",),
        (),
        environ_of("own", ("wsgi.url_scheme",), get({"X-Own": "yes"})),
        environ_of("default is gone", ("wsgi.url_scheme",), get(SECURE)),
        conf="secure_scheme_headers = {'X-OWN': 'yes'}\n",
    ),
    scenario(
        "forwarder-headers",
        ("forwarder_headers",),
        ("--forwarder-headers", "SCRIPT_NAME,REMOTE_USER"),
        environ_of(
            "script name",
            ("SCRIPT_NAME", "PATH_INFO", "HTTP_SCRIPT_NAME"),
            get({"SCRIPT_NAME": "/x"}, "/x/y"),
        ),
        environ_of("remote user", ("REMOTE_USER", "HTTP_REMOTE_USER"), get({"REMOTE_USER": "me"})),
        environ_of("path info", ("PATH_INFO", "HTTP_PATH_INFO"), get({"PATH_INFO": "/z"})),
    ),
    scenario(
        "forwarder-headers-all",
        ("forwarder_headers",),
        ("--forwarder-headers", "*"),
        environ_of("any", ("HTTP_X_ANY",), get({"X_Any": "1"})),
    ),
    scenario(
        "header-map-drop",
        ("header_map",),
        (),
        environ_of("underscore", ("HTTP_X_ANY",), get({"X_Any": "1"})),
        environ_of("both", ("HTTP_X_ANY",), get({"X_Any": "1", "X-Any": "2"})),
    ),
    scenario(
        "header-map-refuse",
        ("header_map",),
        ("--header-map", "refuse"),
        environ_of("underscore", ("HTTP_X_ANY",), get({"X_Any": "1"})),
    ),
    scenario(
        "header-map-dangerous",
        ("header_map",),
        ("--header-map", "dangerous"),
        environ_of("underscore", ("HTTP_X_ANY",), get({"X_Any": "1", "X-Any": "2"})),
    ),
    scenario(
        "casefold",
        ("casefold_http_method",),
        ("--casefold-http-method", "--permit-unconventional-http-method"),
        environ_of("lower", ("REQUEST_METHOD",), build_request("get", "/", CLOSE)),
    ),
    scenario(
        "unconventional",
        ("permit_unconventional_http_method", "permit_unconventional_http_version"),
        ("--permit-unconventional-http-method", "--permit-unconventional-http-version"),
        environ_of("lower", ("REQUEST_METHOD",), build_request("get", "/", CLOSE)),
        environ_of("short", ("REQUEST_METHOD",), build_request("A", "/", CLOSE)),
        environ_of("hash", ("REQUEST_METHOD",), build_request("A#B", "/", CLOSE)),
        environ_of("bad token", ("REQUEST_METHOD",), build_request("A(B", "/", CLOSE)),
        environ_of("version", ("SERVER_PROTOCOL",), build_request("GET", "/", CLOSE, version="3.7")),
    ),
    scenario(
        "folding",
        ("permit_obsolete_folding", "strip_header_spaces"),
        ("--permit-obsolete-folding", "--strip-header-spaces"),
        environ_of(
            "folded",
            ("HTTP_X_A",),
            b"GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n \t2\r\nConnection: close\r\n\r\n",
        ),
        environ_of(
            "space", ("HTTP_X_A",), b"GET / HTTP/1.1\r\nHost: a\r\nX-A : 1\r\nConnection: close\r\n\r\n"
        ),
    ),
    scenario(
        "proxy-auto",
        ("proxy_protocol", "proxy_allow_ips"),
        ("--proxy-protocol=auto",),
        environ_of("v1", PROXY_KEYS, V1 + PLAIN),
        environ_of("v1 six", PROXY_KEYS, V1_V6 + PLAIN),
        environ_of("v2", PROXY_KEYS, V2 + PLAIN),
        environ_of("none", ("PROXY_PROTOCOL",), PLAIN),
        environ_of("unknown", ("PROXY_PROTOCOL",), b"PROXY UNKNOWN\r\n" + PLAIN),
        environ_of("bad", (), b"PROXY TCP4 192.0.2.7 nowhere 4711 80\r\n" + PLAIN),
        environ_of("local", ("PROXY_PROTOCOL", "PROXY_ADDR"), V2_LOCAL + PLAIN),
    ),
    scenario(
        "proxy-v1-only",
        ("proxy_protocol",),
        ("--proxy-protocol", "v1"),
        environ_of("v1", PROXY_KEYS, V1 + PLAIN),
        environ_of("v2", PROXY_KEYS, V2 + PLAIN),
    ),
    scenario(
        "proxy-v2-only",
        ("proxy_protocol",),
        ("--proxy-protocol", "v2"),
        environ_of("v1", PROXY_KEYS, V1 + PLAIN),
        environ_of("v2", PROXY_KEYS, V2 + PLAIN),
    ),
    scenario("proxy-off", ("proxy_protocol",), (), environ_of("v1", (), V1 + PLAIN)),
    scenario(
        "proxy-stranger",
        ("proxy_allow_ips",),
        ("--proxy-protocol", "auto", "--proxy-allow-from", "192.0.2.0/24"),
        environ_of("v1", (), V1 + PLAIN),
        environ_of("none", ("PROXY_PROTOCOL",), PLAIN),
    ),
]
