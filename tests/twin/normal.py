"""What differs between any two runs, taken out of what was seen: pids, ports, folders, dates, names and
versions.

Used by `play.py` on every value. Everything else stays as it is, so that the comparison is about what users
see.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_LOG_LINE = re.compile(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4})\] \[(\d+)\] \[([A-Z]+)\] (.*)$")
_PATTERNS = [
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?[+-]\d{4})?"), "DATE"),
    (re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"), "DATE"),
    (re.compile(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"), "DATE"),
    (re.compile(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?= )"), "DATE"),
    # `gunicorn/27.0.1`, `gunicorn (version 27.0.1)`, `Starting gunicorn 27.0.1`
    (re.compile(r"\b(?:gunicorn|tricorn)([ /]\(?(?:version )?)\d+\.\d+\.\d+\b"), r"SERVER\1VERSION"),
    (re.compile(r"\b(?:gunicorn|tricorn)\b"), "SERVER"),
    (re.compile(r"0x[0-9a-f]{6,}"), "ADDRESS"),
    # How old a request is in a line of ours, and how long it took in an access log: both as long as the
    # machine lets it be.
    (re.compile(r" for \d+\.\d s\b"), " for AGE s"),
    (re.compile(r"\bT=\d+\b"), "T=SECONDS"),
    (re.compile(r"<module '(\w+)' from '[^']*'>"), r"<module '\1'>"),
]


@dataclass
class LogLine:
    """One record of the error log: who wrote it, how loud, and its first line."""

    pid: int
    level: str
    message: str


def log_lines(text: str) -> list[LogLine]:
    """The records in `text`. What is between them (tracebacks, output of applications) is left out."""
    found = []
    for line in text.splitlines():
        if matched := _LOG_LINE.match(line):
            found.append(LogLine(int(matched[2]), matched[3], matched[4]))
    return found


_PORTS = ("PORT", "UDP")


def _where(word: str, meaning: str) -> str:
    """Where `word` has its meaning. The same number can be a port, a pid, a status and a length: a port
    follows a colon, a pid is said to be one or is alone in brackets.
    """
    if not word.isdigit():
        return re.escape(word)
    if meaning in _PORTS:
        return rf"(?<=:)(?<!pid:){word}(?!\d)|\A{word}\Z"
    return rf"(?:(?<=pid:)|(?<=pid: )){word}(?!\d)|(?<=[\[(]){word}(?=[\])])"


@dataclass
class Names:
    """The words of one run that mean something else in every run, and what stands for them."""

    # By the word, and by whether it is a port, since a pid may be the same number.
    words: dict[tuple[str, bool], str] = field(default_factory=dict)

    def know(self, word: object, meaning: str) -> None:
        """`word` is written as `meaning` from now on."""
        if str(word):
            self.words.setdefault((str(word), meaning in _PORTS), meaning)

    def text(self, text: str) -> str:
        """`text` as any other run would have it."""
        for (word, _), meaning in sorted(self.words.items(), key=lambda item: -len(item[0][0])):
            text = re.sub(_where(word, meaning), meaning, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def value(self, value: Any) -> Any:
        """As `text`, for anything that JSON can hold."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {str(key): self.value(part) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(part) for part in value]
        return value
