"""The test applications themselves: wrapped by wsgiref.validate wherever what they do is lawful."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

APPS = Path(__file__).parent.parent / "apps"
UNWRAPPED = {
    "bad_response": "breaks the rules for statuses and headers",
    "bodiless": "gives a body and a Content-Type where none may be",
    "broken_import": "has no application",
    "fastapi_app": "speaks ASGI",
    "flask_app": "Flask",
    "flask_sock_echo": "Flask, which takes the socket",
    "hang_at_import": "has no application",
    "hop_by_hop": "sets headers that belong to the server",
    "input_script": "calls read() without a size",
    "length_mismatch": "lies about its length",
    "no_start_response": "never calls start_response",
    "not_callable": "has no application",
    "raw_socket": "leaves HTTP",
    "returns_str": "gives text for bytes",
    "socketio_echo": "Flask, which takes the socket",
    "tls_facts": "asks the socket",
    "two_start_responses": "calls start_response twice",
    "worker_classes": "is about worker classes",
}


@pytest.mark.parametrize("path", sorted(APPS.glob("*.py")), ids=lambda path: path.stem)
def test_is_wrapped(path: Path) -> None:
    text = path.read_text()
    assert text.startswith('"""'), "an application says what it does in its first line"
    is_wrapped = re.search(r"^ *@validator$|validator\(", text, re.MULTILINE) is not None
    assert is_wrapped == (path.stem not in UNWRAPPED)


def test_no_reason_is_left_over() -> None:
    assert [name for name in UNWRAPPED if not (APPS / f"{name}.py").exists()] == []


def test_an_application_fails_when_the_server_breaks_the_rules() -> None:
    """The wrapping is not decoration: an environ without its keys is refused."""
    from wsgiref.validate import validator

    with pytest.raises(AssertionError, match="missing required key"):
        validator(lambda environ, start_response: [])({}, lambda status, headers: None)
