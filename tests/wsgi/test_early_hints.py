"""103 Early Hints (RFC 8297) through wsgi.early_hints."""

from __future__ import annotations

from collections.abc import Callable

from harness import Server

Shared = Callable[..., Server]


def test_two_hints(shared: Shared) -> None:
    with shared("early_hints:app").client() as client:
        response = client.get("/")
    assert [hint.status for hint in response.interim] == [103, 103]
    assert response.interim[0].reason == "Early Hints"
    assert response.interim[0].headers == [("Link", "</a.css>; rel=preload; as=style")]
    assert response.interim[1].headers == [("Link", "</b.js>; rel=preload; as=script"), ("X-Hint", "2")]
    assert response.body == b"hello"


def test_no_hints_for_http_10(shared: Shared) -> None:
    with shared("early_hints:app").client() as client:
        response = client.request("GET", "/", version="1.0")
    assert response.interim == []
    assert response.body == b"hello"


def test_no_hint_after_the_head(shared: Shared) -> None:
    with shared("early_hints:app").client() as client:
        response = client.get("/late")
    assert len(response.interim) == 2
    assert response.body == b"hello"


def test_unlawful_hint_raises_into_the_application(shared: Shared) -> None:
    with shared("early_hints:app").client() as client:
        response = client.get("/bad")
    assert response.status == 500
    assert all(hint.header("x-injected") is None for hint in response.interim)
