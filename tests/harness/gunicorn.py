"""Gunicorn as the server under test: what the harness says differently to it.

Used by `server` when `TRICORN_TEST_SERVER` names a `gunicorn`, which tests/pains does to show that Gunicorn
fails. Options that only Tricorn has are left out, so that a test fails for what happens, not for a command
line. Gunicorn does not say when its workers serve: a hook in `gunicorn_conf.py` does.
"""

from __future__ import annotations

from pathlib import Path

# What that hook writes.
SERVING = r"^Serving: \d+$"
_CONFIG = Path(__file__).parent / "gunicorn_conf.py"
_OURS_ALONE = (
    "--header-timeout",
    "--body-timeout",
    "--write-timeout",
    "--boot-timeout",
    "--request-timeout",
    "--limit-request-body",
    "--body-buffer",
    "--body-spool",
    "--response-batch",
    "--response-buffer",
    "--error-log-format",
)
_OUR_SWITCHES = ("--log-split", "--permit-missing-host")


def translated(arguments: tuple[str, ...], env: dict[str, str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The arguments for Gunicorn, and what its environment has in addition. It gets no control socket, which
    would be the same for all tests, unless the test has a HOME for it.
    """
    kept: list[str] = []
    it = iter(arguments)
    for argument in it:
        if argument in _OURS_ALONE:
            next(it)
        elif argument not in _OUR_SWITCHES:
            kept.append(argument)
    quiet = () if "HOME" in env else ("--no-control-socket",)
    return (*quiet, *kept), {"GUNICORN_CMD_ARGS": f"-c {_CONFIG}"}


def has_our_config(arguments: tuple[str, ...]) -> bool:
    """Whether the configuration with the hook is read: a test may name one of its own."""
    return not {"-c", "--config"} & set(arguments)
