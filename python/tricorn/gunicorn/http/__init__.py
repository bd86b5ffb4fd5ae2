"""`gunicorn.http`: the names that programs import. The server's own HTTP is in Rust."""

from .message import Request

__all__ = ["Request"]
