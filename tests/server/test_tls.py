"""TLS as its clients see it: versions, certificates and their replacement, client certificates, resumption,
bad handshakes, and what an application learns of it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from simple_websocket import Client as WebSocket

from harness import Server, wait_until
from harness.client import build_request
from server.secure import NAME, Pki, SecureClient, client_context, replace, serves

Serve = Callable[..., Server]


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path)


@pytest.fixture(scope="module")
def standing_pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def standing(standing_pki: Pki) -> Iterator[Server]:
    """A server that tests share; they leave it as it was."""
    with Server("-w", "2", "--keep-alive", "30", *standing_pki.options, "large_body:app") as server:
        yield server


# Requests


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_and_keep_alive(standing: Server, standing_pki: Pki, version: ssl.TLSVersion) -> None:
    with standing_pki.client(standing, client_context(standing_pki, version, version)) as client:
        assert client.tls.version() == version.name.replace("_", ".")
        for size in (1, 100, 3):
            assert len(client.get(f"/?kb={size}").body) == size * 1024


def test_version_that_is_too_old(standing: Server, standing_pki: Pki) -> None:
    context = standing_pki.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        standing_pki.client(standing, context)
    serves(standing, standing_pki)


def test_alpn(standing: Server, standing_pki: Pki) -> None:
    context = standing_pki.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with standing_pki.client(standing, context) as client:
        assert client.tls.selected_alpn_protocol() == "http/1.1"
        assert client.get("/?kb=1").status == 200


def test_bodies_in_both_directions(standing: Server, standing_pki: Pki) -> None:
    body = os.urandom(3_000_000)
    with standing_pki.client(standing) as client:
        assert client.request("POST", "/echo", body=body).body == body
        chunked = client.get("/chunked?kb=3000")
        assert chunked.body == b"y" * (3000 * 1024 // 10240 * 10240)
        assert len(client.get("/?kb=20000").body) == 20000 * 1024


def test_pipelined_requests(standing: Server, standing_pki: Pki) -> None:
    with standing_pki.client(standing) as client:
        client.send(b"".join(build_request("GET", f"/?kb={size}") for size in range(1, 30)))
        assert [len(client.read_response().body) // 1024 for _ in range(1, 30)] == list(range(1, 30))


def test_request_in_tiny_records(standing: Server, standing_pki: Pki) -> None:
    with standing_pki.client(standing) as client:
        for byte in build_request("POST", "/echo", body=b"abc"):
            client.send(bytes([byte]))
        assert client.read_response().body == b"abc"


def test_slow_reader_holds_nobody(serve: Serve, pki: Pki) -> None:
    """A response that is larger than every buffer waits in the engine, encrypted as the client takes it."""
    server = serve(*pki.options, "large_body:app")
    with pki.client(server) as slow, pki.client(server) as other:
        slow.send(build_request("GET", "/?kb=30000"))
        for _ in range(20):
            assert other.get("/?kb=1").status == 200
        assert len(slow.read_response().body) == 30000 * 1024


@pytest.mark.parametrize("query", ["", "?length=5000000", "?offset=100&length=200000", "?kind=plain"])
def test_file(serve: Serve, pki: Pki, tmp_path: Path, query: str) -> None:
    content = os.urandom(5_000_000)
    (tmp_path / "file").write_bytes(content)
    server = serve(
        *pki.options, "--keep-alive", "30", "file_wrapper:app", env={"FILE": str(tmp_path / "file")}
    )
    expected = content[100:200_100] if "offset" in query else content
    with pki.client(server) as client:
        for _ in range(2):
            assert client.get("/" + query).body == expected


def test_goodbye_of_the_server(standing: Server, standing_pki: Pki) -> None:
    """`close_notify` comes before the end: without it (suppress_ragged_eofs off) this read would raise."""
    context = standing_pki.context()
    plain = socket.create_connection(("127.0.0.1", standing.port), 10)
    with context.wrap_socket(plain, server_hostname=NAME, suppress_ragged_eofs=False) as tls:
        tls.sendall(build_request("GET", "/?kb=1", {"Connection": "close"}))
        data = b""
        while piece := tls.recv(65536):
            data += piece
        assert data.endswith(b"x" * 1024)


def test_goodbye_of_the_client(standing: Server, standing_pki: Pki) -> None:
    with standing_pki.client(standing) as client:
        assert client.get("/?kb=1").status == 200
        assert client.tls.unwrap() is not None  # waits for the server's own goodbye


# Bad clients


def test_plain_http(standing: Server, standing_pki: Pki) -> None:
    mark = standing.stderr.mark()
    with standing.client() as client:
        response = client.get("/")
        assert (response.status, response.header("connection")) == (400, "close")
        assert b"HTTPS" in response.body
        assert client.read_to_end() == b""
    standing.stderr.wait_for("the request came without TLS")
    assert standing.stderr.text(mark).count("WARNING") == 1
    serves(standing, standing_pki)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 100,
        b"\x16\x03\x01\x00\x05abcde",
        b"\x16\x03\x01\xff\xff" + b"x" * 70000,
        b"\x80\x2e\x01\x00\x02",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\xff" * 100_000,
    ],
)
def test_garbage(standing: Server, standing_pki: Pki, data: bytes) -> None:
    with standing.client() as client:
        client.send(data)
        client.shutdown_write()
        assert len(client.read_to_end()) < 20  # an alert at most
    serves(standing, standing_pki)


def test_half_a_handshake_ends_at_the_deadline(serve: Serve, pki: Pki) -> None:
    server = serve(*pki.options, "--header-timeout", "1", "hello:app")
    with server.client() as silent, server.client() as partial, pki.client(server) as idle:
        partial.send(b"\x16\x03\x01\x02\x00\x01")
        idle.send(b"GET / HTTP/1.1\r\nHost:")
        serves(server, pki)
        assert silent.read_to_end() == partial.read_to_end() == b""
        assert idle.read_response().status == 408


@pytest.mark.gunicorn_fails("The handshake operation timed out")
def test_handshakes_that_stall_hold_nobody(serve: Serve, pki: Pki) -> None:
    server = serve(*pki.options, "hello:app")
    stalled = [server.client() for _ in range(50)]
    for client in stalled:
        client.send(b"\x16\x03\x01\x02\x00\x01")
    serves(server, pki)
    for client in stalled:
        client.close()


def test_damaged_record(standing: Server, standing_pki: Pki) -> None:
    with standing_pki.client(standing) as client:
        assert client.get("/?kb=1").status == 200
        past_tls(client, lambda raw: raw.sendall(b"\x17\x03\x03\x00\x20" + b"\x00" * 32))
        with pytest.raises(ssl.SSLError, match=r"(?i)bad record mac|decrypt"):
            client.read_to_end()
    serves(standing, standing_pki)


def test_truncated_upload(standing: Server, standing_pki: Pki) -> None:
    """The client's FIN without `close_notify`, in the middle of a body: nobody takes it for a whole one."""
    with standing_pki.client(standing) as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nabc")
        past_tls(client, lambda raw: raw.shutdown(socket.SHUT_WR))
        assert client.read_to_end() == b""
    serves(standing, standing_pki)


def past_tls(client: SecureClient, act: Callable[[socket.socket], object]) -> None:
    """Do something to the socket below the session."""
    with socket.socket(fileno=os.dup(client.tls.fileno())) as raw:
        act(raw)


# Client certificates


@pytest.mark.parametrize("cert_reqs", ["1", "2"])
@pytest.mark.parametrize("kind", ["none", "good", "stranger"])
def test_client_certificates(serve: Serve, pki: Pki, cert_reqs: str, kind: str) -> None:
    options = ("--ca-certs", str(pki.ca_certs), "--cert-reqs", cert_reqs)
    server = serve(*pki.options, *options, "tls_facts:app")
    issuers = {"good": pki.client_authority, "stranger": pki.authority}
    identity = issuers[kind].issue_cert("client.test") if kind in issuers else None
    is_welcome = kind == "good" or (kind == "none" and cert_reqs == "1")
    if not is_welcome:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask_once(pki, server, identity)
        return
    with pki.client(server, pki.context(identity=identity)) as client:
        facts = client.get("/").json()
        assert facts["names"] == (["client.test"] if identity else [])
        assert (facts["der"] > 100) == (identity is not None)


def ask_once(pki: Pki, server: Server, identity: trustme.LeafCert | None) -> None:
    """With TLS 1.3 the client is done before the server has judged it, and hears of it when it reads."""
    with pki.client(server, pki.context(identity=identity)) as client:
        client.tls.sendall(build_request())
        if client.tls.recv(1) == b"":
            raise ConnectionError("the end, without an alert")


def test_ca_certs_alone_asks_nobody(serve: Serve, pki: Pki) -> None:
    server = serve(*pki.options, "--ca-certs", str(pki.ca_certs), "tls_facts:app")
    identity = pki.client_authority.issue_cert("client.test")
    with pki.client(server, pki.context(identity=identity)) as client:
        assert client.get("/").json()["der"] == 0


# What the application sees


@pytest.mark.parametrize("worker", [("-k", "sync"), ("--threads", "2")])
def test_application(serve: Serve, pki: Pki, worker: tuple[str, ...]) -> None:
    server = serve(*worker, *pki.options, "tls_facts:app")
    with pki.client(server) as client:
        for _ in range(2):  # asking about TLS does not cost the connection
            facts = client.get("/").json()
            assert (facts["scheme"], facts["version"], facts["alpn"]) == ("https", "TLSv1.3", None)
            assert facts["cipher"] == list(client.tls.cipher() or ())
        lent = client.get("/address")
        assert lent.json()["peer"] == ["127.0.0.1", client.local_port]
        assert lent.header("connection") == "close"
        assert client.read_to_end() == b""


def test_raw_socket(serve: Serve, pki: Pki) -> None:
    server = serve(*pki.options, "raw_socket:app")
    with pki.client(server) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly\n")
        assert client.read_response().status == 101
        assert client.read_bytes(11) == b"echo early\n"
        line = b"x" * 300_000 + b"\n"
        reader: list[bytes] = []
        thread = threading.Thread(target=lambda: reader.append(client.read_bytes(len(line) + 5)))
        thread.start()
        client.send(line)
        thread.join()
        assert reader == [b"echo " + line]
        client.send(b"bye\n")
        assert client.read_to_end().startswith(b"echo bye\n")


def test_flask_sock(serve: Serve, pki: Pki) -> None:
    server = serve("--threads", "4", *pki.options, "flask_sock_echo:app")
    url = f"wss://127.0.0.1:{server.port}/echo"
    context = pki.context()
    context.check_hostname = False
    sockets = [WebSocket.connect(url, ssl_context=context) for _ in range(3)]
    for number, websocket in enumerate(sockets * 3):
        message = f"{number}" + "x" * 100_000
        websocket.send(message)
        assert websocket.receive(timeout=10) == message
    with pki.client(server) as client:
        assert client.get("/").body == b"page"
    for websocket in sockets:
        websocket.close()
    for _ in range(8):  # a thread that served a WebSocket is free again
        with pki.client(server) as client:
            assert client.get("/").body == b"page"


@pytest.mark.parametrize("place", ["before", "inside", "none"])
def test_proxy_protocol(serve: Serve, pki: Pki, place: str) -> None:
    server = serve(*pki.options, "--proxy-protocol", "tls_facts:app")
    header = b"PROXY TCP4 198.51.100.7 203.0.113.9 4711 443\r\n"
    with pki.client(server, before=header if place == "before" else b"") as client:
        if place == "inside":
            client.send(header)
        for _ in range(2):
            facts = client.get("/").json()
            expected = ("127.0.0.1", None) if place == "none" else ("198.51.100.7", "TCP4")
            assert (facts["remote"], facts["proxy"]) == expected


def test_proxy_header_twice(serve: Serve, pki: Pki) -> None:
    server = serve(*pki.options, "--proxy-protocol", "tls_facts:app")
    header = b"PROXY TCP4 198.51.100.7 203.0.113.9 4711 443\r\n"
    with pki.client(server, before=header) as client:
        client.send(header)
        assert client.get("/").status == 400


# Resumption


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_resume_at_every_worker(serve: Serve, pki: Pki, version: ssl.TLSVersion) -> None:
    """Also after a reload: the keys of tickets are the server's, not a worker's."""
    server = serve("-w", "3", *pki.options, "hello:app", workers=3)
    context = client_context(pki, version, version)
    with pki.client(server, context) as first:
        assert first.get("/").status == 200
        session = first.tls.session
    assert session is not None
    resumed = [resume(server, pki, context, session) for _ in range(12)]
    assert all(resumed)
    before = set(server.workers())
    server.signal(signal.SIGHUP)
    wait_until(lambda: len(server.workers()) == 3 and not before & set(server.workers()), "new workers")
    assert resume(server, pki, context, session)


def resume(server: Server, pki: Pki, context: ssl.SSLContext, session: ssl.SSLSession) -> bool:
    with pki.client(server, context, session=session) as client:
        assert client.get("/").status == 200
        return bool(client.tls.session_reused)


def test_new_authorities_end_old_sessions(serve: Serve, pki: Pki) -> None:
    options = ("--ca-certs", str(pki.ca_certs), "--cert-reqs", "1")
    server = serve(*pki.options, *options, "hello:app")
    context = client_context(pki, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
    with pki.client(server, context) as first:
        assert first.get("/").status == 200
        session = first.tls.session
    assert session is not None
    assert resume(server, pki, context, session)
    replace(pki.ca_certs, pki.authority.cert_pem.bytes())
    server.stderr.wait_for("are in force")
    assert not resume(server, pki, context, session)


# Certificates that change


def test_replaced_files_are_picked_up(serve: Serve, pki: Pki) -> None:
    server = serve(*pki.options, "--keep-alive", "30", "hello:app")
    with pki.client(server) as old:
        assert old.get("/").status == 200
        pki.issue("second.test")
        server.stderr.wait_for("are in force")
        with pki.client(server) as client:
            assert client.peer_name() == "second.test"
        assert old.get("/").status == 200  # its session goes on


def test_reload_picks_up_replaced_files(serve: Serve, pki: Pki) -> None:
    server = serve(*pki.options, "hello:app")
    pki.issue("second.test")
    before = server.workers()
    server.signal(signal.SIGHUP)
    wait_until(lambda: len(server.workers()) == 1 and server.workers() != before, "a new worker")
    with pki.client(server) as client:
        assert client.peer_name() == "second.test"


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nxx\n", None])
def test_broken_replacement_leaves_the_old_one(serve: Serve, pki: Pki, content: bytes | None) -> None:
    server = serve("-w", "3", *pki.options, "hello:app", workers=3)
    good = pki.certfile.read_bytes()
    if content is None:
        pki.certfile.unlink()
    else:
        replace(pki.certfile, content)
    line = server.stderr.wait_for(r"ERROR\] TLS: a changed file cannot be used.*")
    assert str(pki.certfile) in line[0]
    serves_with(server, pki, NAME)
    workers = server.workers()
    server.signal(signal.SIGHUP)
    server.stderr.wait_for("invalid value for certfile")
    assert server.workers() == workers
    serves_with(server, pki, NAME)
    replace(pki.certfile, good)
    server.stderr.wait_for("are in force", count=3)
    assert server.stderr.text().count("a changed file cannot be used") == 1
    serves_with(server, pki, NAME)


def serves_with(server: Server, pki: Pki, name: str) -> None:
    with pki.client(server) as client:
        assert client.peer_name() == name
        assert client.get("/").status == 200


# Another implementation


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the command openssl is not installed")
@pytest.mark.parametrize("options", [("-tls1_2",), ("-tls1_3",), ("-tls1_3", "-groups", "P-384")])
def test_openssl(standing: Server, standing_pki: Pki, options: tuple[str, ...]) -> None:
    authority = standing_pki.folder / "authority.pem"
    standing_pki.authority.cert_pem.write_to_path(str(authority))
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{standing.port}", "-servername", NAME, "-quiet"]
    command += ["-CAfile", str(authority), "-verify_return_error", *options]
    request = build_request("GET", "/?kb=1", {"Connection": "close"})
    done = subprocess.run(command, input=request, capture_output=True, timeout=30, check=False)
    assert done.stdout.endswith(b"x" * 1024), done.stderr


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the command openssl is not installed")
def test_renegotiation_is_refused(standing: Server, standing_pki: Pki) -> None:
    """A line "R" makes this client ask for a new handshake, which TLS 1.2 has and nobody needs."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{standing.port}", "-tls1_2"]
    done = subprocess.run(command, input=b"R\n", capture_output=True, timeout=30, check=False)
    assert b"no renegotiation" in done.stderr
    serves(standing, standing_pki)


def test_unix_socket(serve: Serve, pki: Pki) -> None:
    server = serve(*pki.options, "tls_facts:app", bind=f"unix:{pki.folder / 'socket'}")
    with pki.client(server) as client:
        assert client.get("/").json()["scheme"] == "https"
