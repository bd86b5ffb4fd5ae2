"""What lines of the error log look like, and on which stream they stand, where a logger in Python writes
them.

`glogging.Logger.setup` makes its handlers of these, and `log_relay` writes an application's own text through
them. The default logger's lines are written in Rust, with the same fields.
"""

import json
import logging
import re
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

_TRACEBACK = re.compile(r"^(?:[ +]*Exception Group )?Traceback \(most recent call last\):$", re.MULTILINE)


class JsonFormatter(logging.Formatter):
    """One JSON object per record: `time`, `level`, `pid`, `message`, and `traceback` if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        message, traceback = split_traceback(record.getMessage())
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        moment = datetime.fromtimestamp(record.created, timezone.utc).astimezone()
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "pid": record.process,
            "message": message,
        }
        if traceback := record.exc_text or traceback:
            line["traceback"] = traceback
        if record.stack_info:
            line["stack"] = record.stack_info
        # `json` escapes every control character but DEL.
        return json.dumps(line).replace("\x7f", "\\u007f")


def split_traceback(text: str) -> tuple[str, str | None]:
    """A message and the traceback that follows it in the same text."""
    text = text.rstrip("\n")
    found = _TRACEBACK.search(text)
    if found is None:
        return text, None
    traceback = text[found.start() :]
    return text[: found.start()].rstrip() or traceback.rpartition("\n")[2], traceback


if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[Any]
else:  # it can be subscripted from Python 3.11 on
    _StreamHandler = logging.StreamHandler


class MildHandler(_StreamHandler):
    """Standard output, for records that are milder than a warning (`log_split`)."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def filter(self, record: logging.LogRecord) -> Any:  # what it is depends on Python's version
        """Leave warnings and worse to standard error."""
        return record.levelno < logging.WARNING and super().filter(record)


def raw_text(handler: logging.Handler, text: str) -> str:
    """What `handler` should have an application's own text look like; nothing if it is to write none."""
    if isinstance(handler, MildHandler):
        return ""
    if not isinstance(handler.formatter, JsonFormatter):
        return text
    if not text.strip():  # `print` writes the end of its line by itself
        return ""
    record = logging.LogRecord("gunicorn.error", logging.ERROR, "", 0, text, None, None)
    return handler.formatter.format(record) + "\n"
