"""`gunicorn.http.wsgi`: the response as hooks get it, and the file wrapper of the environ."""

from ...message import Response
from ...wsgi import FileWrapper

BLKSIZE = 0x3FFFFFFF

__all__ = ["BLKSIZE", "FileWrapper", "Response"]
