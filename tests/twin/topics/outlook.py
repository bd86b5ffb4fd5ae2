"""What Tricorn does not have yet, and what it never needs: TLS, the control socket, other protocols and
workers.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct

from twin.play import Run
from twin.scenario import Scenario, Step
from twin.steps import ask, raw, see_error, see_path, then

CLOSE = {"Connection": "close"}
GET = ask("get", "/", CLOSE)
# Made with: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj
# /CN=localhost
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUb88CoOzL/mOj43d2to+rhuXcNu8wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTEzNDgxNloYDzIxMjYxMTAx
MTM0ODE2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASKbjFGj1ff4NxiA8qiLPZ8RSD3OEU9naja9grW8CM1IRiYTL3fMR4v
tTHu1FBe/tL/ga30s7E3MpDPYTf9Gqyko1MwUTAdBgNVHQ4EFgQUGwE/+rjynEa4
eJMkjwdJpD9RyuowHwYDVR0jBBgwFoAUGwE/+rjynEa4eJMkjwdJpD9RyuowDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAvRb/AULzcKxWHfcS/Pz45
toWX79kV6rhN6gDc6p7UBwIhAN9khcFb7abp5HXtfD7HatMDaE8j9G7oVslJY262
z0Na
-----END CERTIFICATE-----
"""
KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8zRFcLYCHc0gCFZD
FSWIXod3Bd7tgTQhsey1h0srsL6hRANCAASKbjFGj1ff4NxiA8qiLPZ8RSD3OEU9
naja9grW8CM1IRiYTL3fMR4vtTHu1FBe/tL/ga30s7E3MpDPYTf9Gqyk
-----END PRIVATE KEY-----
"""
TLS = {"cert.pem": CERTIFICATE, "key.pem": KEY}
PAIR = ("--certfile", "{dir}/cert.pem", "--keyfile", "{dir}/key.pem")


def over_tls(name: str, **options: int) -> Step:
    """GET over TLS; see the protocol and the answer's first line and body."""

    def step(run: Run) -> None:
        context = ssl.create_default_context(cafile=str(run.path("cert.pem")))
        context.check_hostname = False
        for option, value in options.items():
            setattr(context, option, value)
        try:
            run.see(f"tls {name}", answer_over(context, run.server.port))
        except ssl.SSLError:
            run.see(f"tls {name}", "refused")

    return step


def answer_over(context: ssl.SSLContext, port: int) -> list[str | None]:
    """The version of TLS, the first line and the body of an answer."""
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            secure.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            version, answer = secure.version(), b""
            while piece := secure.recv(65536):
                answer += piece
    return [version, answer.split(b"\r\n")[0].decode(), answer.split(b"\r\n\r\n")[-1].decode()]


def control(command: str) -> Step:
    """Ask the control socket; see whether it is well, and the names of what it tells."""

    def step(run: Run) -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(run.path("control")))
            data = json.dumps({"id": 1, "command": command, "args": []}).encode()
            client.sendall(struct.pack(">I", len(data)) + data)
            (size,) = struct.unpack(">I", client.recv(4))
            answer = json.loads(client.recv(size))
            run.see(f"control {command}", [answer["status"], sorted(answer.get("data", {}))])

    return step


ASGI = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": scope["root_path"].encode() or b"ok"})
"""
SCHEME = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [environ["wsgi.url_scheme"].encode().ljust(5)]
"""
UWSGI = b"".join(
    struct.pack("<H", len(part)) + part
    for part in (b"REQUEST_METHOD", b"GET", b"PATH_INFO", b"/", b"QUERY_STRING", b"", b"HTTP_HOST", b"a")
)
DIRTY = """
from gunicorn.dirty import DirtyApp

class Work(DirtyApp):
    def __call__(self, action, *arguments, **named):
        return action
"""

SCENARIOS: list[Scenario] = [
    Scenario(
        "tls",
        ("certfile", "keyfile"),
        (*PAIR, "scheme:app"),
        (over_tls("get"),),
        {**TLS, "scheme.py": SCHEME},
    ),
    Scenario(
        "tls-1.2",
        ("certfile",),
        (*PAIR, "hello:app"),
        (over_tls("get", maximum_version=ssl.TLSVersion.TLSv1_2),),
        TLS,
    ),
    Scenario(
        "tls-ciphers",
        ("ciphers",),
        (*PAIR, "--ciphers", "ECDHE+AESGCM", "hello:app"),
        (over_tls("get"),),
        TLS,
    ),
    Scenario(
        "tls-client-certificate-wanted",
        ("cert_reqs", "ca_certs"),
        (*PAIR, "--ca-certs", "{dir}/cert.pem", "--cert-reqs", "2", "hello:app"),
        (over_tls("get", maximum_version=ssl.TLSVersion.TLSv1_2),),
        TLS,
    ),
    Scenario(
        "tls-handshake-on-connect",
        ("do_handshake_on_connect", "suppress_ragged_eofs"),
        (*PAIR, "--do-handshake-on-connect", "hello:app"),
        (over_tls("get"),),
        TLS,
    ),
    Scenario(
        "tls-hook",
        ("ssl_context",),
        (*PAIR, "hello:app"),
        (over_tls("get"),),
        {**TLS, "gunicorn.conf.py": "def ssl_context(config, factory):\n    return factory()\n"},
    ),
    Scenario(
        "tls-version-ignored",
        ("ssl_version",),
        (*PAIR, "--ssl-version", "TLSv1_2", "hello:app"),
        (over_tls("get"),),
        TLS,
    ),
    Scenario(
        "tls-missing-file",
        ("certfile",),
        ("--certfile", "{dir}/no.pem", "hello:app"),
        (see_error,),
        is_server=False,
    ),
    Scenario(
        "http2-cleartext",
        ("http_protocols", "http2_cleartext"),
        ("-k", "gthread", "--http2-cleartext", "prior-knowledge", "hello:app"),
        (GET,),
    ),
    Scenario(
        "control-socket",
        ("control_socket", "control_socket_mode"),
        ("--control-socket", "{dir}/control", "--control-socket-mode", "0o660", "hello:app"),
        (
            GET,
            then(lambda run: run.path("control").exists(), "the control socket"),
            see_path("control"),
            control("show workers"),
            control("show stats"),
        ),
    ),
    Scenario(
        "control-socket-off",
        ("control_socket_disable",),
        ("--no-control-socket", "hello:app"),
        (GET, see_path(".gunicorn/gunicorn.ctl")),
    ),
    Scenario(
        "asgi",
        ("worker_class", "asgi_loop", "asgi_lifespan", "root_path"),
        (
            "-k",
            "asgi",
            "--asgi-loop",
            "asyncio",
            "--asgi-lifespan",
            "off",
            "--root-path",
            "/x",
            "coroutine:app",
        ),
        (GET,),
        {"coroutine.py": ASGI},
    ),
    Scenario(
        "uwsgi",
        ("protocol", "uwsgi_allow_ips"),
        ("--protocol", "uwsgi", "hello:app"),
        (raw("get", b"\0" + struct.pack("<H", len(UWSGI)) + b"\0" + UWSGI),),
    ),
    Scenario(
        "paste",
        ("paste", "raw_paste_global_conf"),
        ("--paste", "{dir}/site.ini", "--paste-global", "a=b"),
        (GET,),
        {
            "site.ini": "[app:main]\npaste.app_factory = site_of:factory\n",
            "site_of.py": "from hello import app\ndef factory(conf, **local):\n    return app\n",
        },
    ),
    Scenario("http-parser", ("http_parser",), ("--http-parser", "python", "hello:app"), (GET,)),
    # Gunicorn fails before it reads: what it has not read when it closes may cost the client its answer.
    Scenario(
        "http-parser-missing",
        ("http_parser",),
        ("--http-parser", "fast", "hello:app"),
        (raw("get", b"", half_close=True),),
    ),
]
