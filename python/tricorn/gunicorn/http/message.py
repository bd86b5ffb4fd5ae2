"""`gunicorn.http.message`: the request as hooks get it."""

from ...message import Request

__all__ = ["Request"]
