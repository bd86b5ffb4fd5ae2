"""The 120 settings of Gunicorn 27.0.1, and what the results say about each of them.

The names are those of crates/settings/tests/gunicorn/settings.tsv, which was extracted from Gunicorn
itself; whether Tricorn acts upon a setting is what docs/reference/settings.md (generated from the table)
says.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

_REPOSITORY = Path(__file__).parent.parent.parent
_TABLE = _REPOSITORY / "crates" / "settings" / "tests" / "gunicorn" / "settings.tsv"
SETTINGS: tuple[str, ...] = tuple(
    line.split("\t")[0] for line in _TABLE.read_text().splitlines() if line and not line.startswith("#")
)
_HTTP2 = "it needs HTTP/2, which neither sync nor a Gunicorn without the package h2 speaks"
_ASGI = "it needs an ASGI application under load; the scenario `asgi` covers the worker class"
_DIRTY = "it needs Gunicorn's dirty arbiter, a second tree of processes that Tricorn does not have"
# The settings without a scenario of their own, each with the reason. What they print is in `print-defaults`.
WITHOUT_SCENARIO: dict[str, str] = {
    **dict.fromkeys(("asgi_disconnect_grace_period", "websocket_max_message_size"), _ASGI),
    **dict.fromkeys(
        (
            "http2_max_concurrent_streams",
            "http2_initial_window_size",
            "http2_max_frame_size",
            "http2_max_header_list_size",
        ),
        _HTTP2,
    ),
    **dict.fromkeys(
        (
            "dirty_apps",
            "dirty_workers",
            "dirty_timeout",
            "dirty_threads",
            "dirty_graceful_timeout",
            "on_dirty_starting",
            "dirty_post_fork",
            "dirty_worker_init",
            "dirty_worker_exit",
        ),
        _DIRTY,
    ),
}


@functools.cache
def without_effect() -> dict[str, str]:
    """The settings that Tricorn accepts and does not act upon, with what the reference says of that."""
    text = (_REPOSITORY / "docs" / "reference" / "settings.md").read_text()
    found = {}
    for section in re.split(r"^### ", text, flags=re.M)[1:]:
        name = section.split("`")[1]
        if "**No effect yet**" in section:
            found[name] = "no effect yet"
        elif moot := re.search(r"^- No effect: (.*)$", section, re.M):
            found[name] = moot[1]
    return found
