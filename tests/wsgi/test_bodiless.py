"""HEAD, 204, 304 and 1xx: no body byte on the wire, whatever the application gives, and the connection in
step.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import Server

CASES = [
    ("GET", "/204", None),
    ("GET", "/204?length", None),
    ("GET", "/304", None),
    ("GET", "/304?length", "5"),
    ("HEAD", "/200?length", "5"),
    ("HEAD", "/200", None),
    ("HEAD", "/304?length", "5"),
    ("HEAD", "/404?length", "5"),
]


@pytest.mark.parametrize("method, target, length", CASES)
def test_no_body(shared: Callable[..., Server], method: str, target: str, length: str | None) -> None:
    with shared("bodiless:app").client() as client:
        response = client.request(method, target)
        assert response.status == int(target[1:4])
        assert response.reason == "Reason"
        assert response.header("x-kept") == "1"
        assert response.header("content-length") == length
        if response.status in (204, 304):
            assert response.header("transfer-encoding") is None
        following = client.get("/200?length")
        assert (following.status, following.body) == (200, b"hello")


def test_get_with_the_same_application_has_a_body(shared: Callable[..., Server]) -> None:
    with shared("bodiless:app").client() as client:
        assert client.get("/200").body == b"hello"
        assert client.get("/200?length").body == b"hello"
