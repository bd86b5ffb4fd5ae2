"""What WSGI puts into every environ that is not worth a native type: `wsgi.errors` and `wsgi.file_wrapper`.

The bridge makes one `ErrorsStream` per runner and hands out the class `FileWrapper`. A FileWrapper that an
application
returns unchanged is sent by the kernel; its iteration here is for middleware that looks inside.
"""

import io
from collections.abc import Iterable
from typing import Any


class FileWrapper:
    """`wsgi.file_wrapper` (PEP 3333): a file-like object in blocks of `blksize` bytes."""

    def __init__(self, filelike: Any, blksize: int = 8192) -> None:
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> "FileWrapper":
        return self

    def __next__(self) -> bytes:
        if data := self.filelike.read(self.blksize):
            return bytes(data)
        raise StopIteration

    def __getitem__(self, key: int) -> bytes:
        """The next block, whatever `key` is: the protocol of iteration before iterators, which Gunicorn
        keeps."""
        if data := self.filelike.read(self.blksize):
            return bytes(data)
        raise IndexError


class ErrorsStream(io.TextIOBase):
    """`wsgi.errors` (PEP 3333): text goes to the error log as it is, at once."""

    @property
    def encoding(self) -> str:  # type: ignore[override] # an attribute in some stubs
        """The encoding of the error log."""
        return "utf-8"

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, text: str) -> int:
        """Write `text` to the error log and return its length."""
        from . import _core

        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors takes str, not {type(text).__name__}")
        # A lone surrogate (an undecodable file name, say) must not make error reporting raise.
        _core.write_errors(text.encode("utf-8", "backslashreplace").decode("utf-8"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]
        """Write all of `lines` in one piece."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Nothing waits to be flushed."""
