"""Validators for settings that a program declares by itself (subclasses of `Setting`), under Gunicorn's
names.

The server's own settings are validated by its table, not here. Each takes a value and returns what is kept,
or raises TypeError or ValueError.
"""

from collections.abc import Callable
from typing import Any

from .errors import HookError
from .hooks import load_hook


def validate_bool(val: Any) -> bool | None:
    """A bool, or the text `true` or `false`."""
    if val is None or isinstance(val, bool):
        return val
    if not isinstance(val, str):
        raise TypeError(f"Invalid type for casting: {val}")
    word = val.strip().lower()
    if word not in ("true", "false"):
        raise ValueError(f"Invalid boolean: {val}")
    return word == "true"


def validate_dict(val: Any) -> dict[Any, Any]:
    """A dict."""
    if not isinstance(val, dict):
        raise TypeError(f"Value is not a dictionary: {val}")
    return val


def validate_pos_int(val: Any) -> int:
    """A whole number that is not negative, or its text, with a prefix or without."""
    number = int(val, 0) if isinstance(val, str) else int(val)
    if number < 0:
        raise ValueError(f"Value must be positive: {val}")
    return number


def validate_string(val: Any) -> str | None:
    """A text, trimmed."""
    if val is None:
        return None
    if not isinstance(val, str):
        raise TypeError(f"Not a string: {val}")
    return val.strip()


def validate_list_string(val: Any) -> list[str | None]:
    """A list of texts; a single text is a list of one."""
    if not val:
        return []
    return [validate_string(item) for item in ([val] if isinstance(val, str) else val)]


def validate_string_to_list(val: Any) -> list[str]:
    """A text with commas, as a list."""
    text = validate_string(val)
    return [part.strip() for part in text.split(",") if part] if text else []


def validate_callable(arity: int) -> Callable[[Any], Callable[..., Any]]:
    """A validator for callables, or dotted names of callables, with so many positional parameters; -1
    is any."""

    def validate(val: Any) -> Callable[..., Any]:
        try:
            if arity == -1 and callable(val):
                return val  # type: ignore[no-any-return] # `callable` says it, mypy cannot
            return load_hook(val, range(100) if arity == -1 else (arity,))[0]
        except HookError as error:
            raise TypeError(str(error)) from error

    return validate
