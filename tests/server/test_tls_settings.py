"""The settings of TLS: what is wrong with them is said at start, in one line; what they choose is what
clients see. The hook `ssl_context` among them.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server, run_to_end
from server.secure import Pki, client_context, replace, serves

Serve = Callable[..., Server]


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path)


def other_key(pki: Pki) -> tuple[str, ...]:
    replace(pki.keyfile, pki.authority.issue_cert("b.test").private_key_pem.bytes())
    return pki.options


def encrypted_key(pki: Pki) -> tuple[str, ...]:
    header = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    replace(pki.keyfile, header)
    return pki.options


def swapped(pki: Pki) -> tuple[str, ...]:
    return ("--certfile", str(pki.keyfile), "--keyfile", str(pki.certfile))


BAD: dict[str, tuple[Callable[[Pki], tuple[str, ...]], str]] = {
    "no file": (lambda pki: ("--certfile", "/no/such.pem"), r"certfile: '/no/such.pem' .*cannot be read"),
    "no key": (lambda pki: ("--certfile", str(pki.certfile)), "certfile.*no private key"),
    "key alone": (lambda pki: ("--keyfile", str(pki.keyfile)), "certfile.*is needed"),
    "swapped": (swapped, "certfile.*no certificate"),
    "other key": (other_key, "keyfile.*not the key of the certificate"),
    "encrypted": (encrypted_key, "keyfile.*encrypted"),
    "folder": (lambda pki: ("--certfile", "/tmp"), "certfile.*cannot be read"),
    "cert_reqs": (lambda pki: (*pki.options, "--cert-reqs", "3"), "cert_reqs"),
    "no authorities": (lambda pki: (*pki.options, "--cert-reqs", "2"), "cert_reqs.*authorities"),
    "bad authorities": (
        lambda pki: (*pki.options, "--ca-certs", str(pki.keyfile)),
        "ca_certs.*no certificate",
    ),
    "ciphers": (lambda pki: (*pki.options, "--ciphers", "NONSENSE"), "ciphers.*'NONSENSE' is no cipher"),
    "old ciphers": (lambda pki: (*pki.options, "--ciphers", "AES128-SHA"), "ciphers.*selects none"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("check", [(), ("--check-config",)])
def test_bad_setting(pki: Pki, case: str, check: tuple[str, ...]) -> None:
    arguments, pattern = BAD[case]
    ended = run_to_end(*arguments(pki), *check, "hello:app")
    lines = [line for line in ended.stderr.splitlines() if line.strip()]
    assert (ended.code, len(lines)) == (1, 1), ended.stderr
    assert re.search(pattern, lines[0]), lines[0]


def test_ciphers(serve: Serve, pki: Pki) -> None:
    listed = "DHE-RSA-AES256-SHA:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    server = serve(*pki.options, "--ciphers", listed, "hello:app")
    assert "not available here: DHE-RSA-AES256-SHA" in server.stderr.text()
    context = client_context(pki, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
    with pki.client(server, context) as client:
        assert "CHACHA20" in str(client.tls.cipher())
    context.set_ciphers("ECDHE+AESGCM")
    with pytest.raises(ssl.SSLError):
        pki.client(server, context)
    serves(server, pki)


def test_settings_that_are_ignored(serve: Serve, pki: Pki) -> None:
    ignored = ("--ssl-version", "2", "--do-handshake-on-connect", "--suppress-ragged-eofs")
    server = serve(*pki.options, *ignored, "hello:app")
    serves(server, pki)
    assert server.stderr.text().count("WARNING") == 1
    assert "ssl_version is ignored" in server.stderr.text()


# The hook ssl_context

HOOK = """
import ssl
certfile, keyfile, authorities = {files!r}
def ssl_context(config, default_ssl_context_factory):
    context = default_ssl_context_factory()
{body}
    return context
"""


def write_config(pki: Pki, body: str) -> str:
    files = (str(pki.certfile), str(pki.keyfile), str(pki.ca_certs))
    indented = "\n".join("    " + line for line in body.splitlines())
    (pki.folder / "hook.conf.py").write_text(HOOK.format(files=files, body=indented))
    return str(pki.folder / "hook.conf.py")


def test_hook_that_changes_the_default(serve: Serve, pki: Pki) -> None:
    body = """
context.minimum_version = ssl.TLSVersion.TLSv1_3
context.load_verify_locations(authorities)
context.verify_mode = ssl.CERT_REQUIRED
context.set_ciphers("ECDHE+AESGCM")
assert config.certfile == certfile
"""
    server = serve("-c", write_config(pki, body), "tls_facts:app")
    identity = pki.client_authority.issue_cert("client.test")
    context = pki.context(identity=identity)
    with pki.client(server, context) as client:
        facts = client.get("/").json()
        assert (facts["version"], facts["names"]) == ("TLSv1.3", ["client.test"])
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        pki.client(server, context)


@pytest.mark.parametrize(
    "body, text",
    [
        ("context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)", "cannot be read back"),
        ("context = None", "must return an SSLContext"),
        ("context.sni_callback = print", r"server names \(SNI\)"),
        ("context.maximum_version = ssl.TLSVersion.TLSv1_1", "neither TLS 1.2 nor TLS 1.3"),
        ("context.verify_mode = ssl.CERT_OPTIONAL", "authorities"),
        ("context.load_verify_locations(capath='/')", "one file"),
        ("raise RuntimeError('sorry')", "sorry"),
    ],
)
def test_hook_that_asks_too_much(pki: Pki, body: str, text: str) -> None:
    ended = run_to_end("-c", write_config(pki, body), "hello:app")
    assert ended.code == 1
    first = next(line for line in ended.stderr.splitlines() if line.strip())
    assert first.startswith("Error: invalid value for ssl_context")
    assert re.search(text, ended.stderr), ended.stderr


def test_hook_without_tls(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "plain.py"
    config.write_text("def ssl_context(config, factory):\n    return factory()\n")
    server = serve("-c", str(config), "hello:app")
    assert "ssl_context has no effect" in server.stderr.text()
    with server.client() as client:
        assert client.get("/").status == 200
