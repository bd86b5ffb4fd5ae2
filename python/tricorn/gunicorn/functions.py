"""`gunicorn.util`: the functions that programs and worker classes import from there.

They have their old signatures. The server itself uses none of them.
"""

import contextlib
import email.utils
import fcntl
import importlib
import importlib.metadata
import io
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from ..address import parse_address
from ..loader import load_app as import_app

__all__ = [
    "bytes_to_str",
    "chown",
    "close",
    "close_on_exec",
    "getcwd",
    "has_fileno",
    "http_date",
    "import_app",
    "is_hoppish",
    "is_ipv6",
    "load_class",
    "parse_address",
    "set_non_blocking",
    "to_bytestring",
    "unlink",
    "warn",
]

# RFC 9110 section 7.6.1.
HOP_BY_HOP = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailers",
        "transfer-encoding",
        "upgrade",
    ]
)


def load_class(
    uri: str | type | Callable[..., Any],
    default: str = "gunicorn.workers.sync.SyncWorker",
    section: str = "gunicorn.workers",
) -> Any:
    """The object that a dotted path, `egg:DISTRIBUTION#NAME` or the name of an entry point in `section`
    names.

    An object is returned as it is. Raises RuntimeError if nothing is found.
    """
    if not isinstance(uri, str):
        return uri
    if uri.startswith("egg:"):
        distribution, _, name = uri.removeprefix("egg:").partition("#")
        points = importlib.metadata.distribution(distribution).entry_points.select(
            group=section, name=name or "sync"
        )
    else:
        points = importlib.metadata.entry_points(group=section, name=uri)
    for point in points:
        return point.load()
    if "." not in uri:
        uri = f"gunicorn.workers.{default.rpartition('.')[2]}" if uri == "default" else uri
    module, _, name = uri.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise RuntimeError(f"class uri {uri!r} invalid or not found: {error}") from error


def to_bytestring(value: str | bytes, encoding: str = "utf8") -> bytes:
    """`value` as bytes."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return value.encode(encoding)


def bytes_to_str(value: str | bytes) -> str:
    """`value` as text; bytes are latin-1."""
    return value if isinstance(value, str) else value.decode("latin1")


def http_date(timestamp: float | None = None) -> str:
    """A time as HTTP writes it; None is now."""
    return email.utils.formatdate(timestamp, usegmt=True)


def is_hoppish(header: str) -> bool:
    """Whether a field is about one connection, not about the message."""
    return header.lower().strip() in HOP_BY_HOP


def is_ipv6(address: str) -> bool:
    """Whether the text is an IPv6 address."""
    try:
        socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        return False
    return True


def has_fileno(thing: Any) -> bool:
    """Whether an object has a descriptor."""
    try:
        thing.fileno()
    except (AttributeError, OSError, io.UnsupportedOperation):
        return False
    return True


def close(sock: socket.socket) -> None:
    """Close a socket; an error on the way is nobody's business any more."""
    with contextlib.suppress(OSError):
        sock.close()


def close_on_exec(fd: int) -> None:
    """Do not pass a descriptor on to programs that are executed."""
    os.set_inheritable(fd, False)


def set_non_blocking(fd: int) -> None:
    """Let reads and writes of a descriptor return at once."""
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)


def chown(path: str, uid: int, gid: int) -> None:
    """Change the owner of a file."""
    os.chown(path, uid, gid)


def unlink(filename: str) -> None:
    """Remove a file that may not be there."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(filename)


def getcwd() -> str:
    """The working directory, as PWD spells it if that is the same directory."""
    here = os.getcwd()
    spelled = os.environ.get("PWD", here)
    return spelled if os.path.exists(spelled) and os.path.samefile(spelled, here) else here


def warn(msg: str) -> None:
    """Print a warning to standard error."""
    print(f"!!!\n!!! WARNING: {msg}\n!!!\n", file=sys.stderr, flush=True)
