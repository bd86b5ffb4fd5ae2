"""Checks the value of a hook setting: a callable that takes the right arguments, or its dotted name.

The bridge calls `load_hook` while it fills the settings. It does not call the hook.
"""

import importlib
import inspect
from collections.abc import Callable, Collection
from typing import Any

from .errors import HookError


def load_hook(value: object, arities: Collection[int]) -> tuple[Callable[..., Any], int]:
    """The hook that `value` is or names, and how many positional arguments it takes: one of `arities`.

    `value` is a callable or a string `module.name`. Parameters count as Gunicorn counts them: every
    positional one, with a default or without; a bound method's `self`, `*args` and keyword-only ones do not.
    Raises HookError.
    """
    hook = _import_dotted(value) if isinstance(value, str) else value
    if not callable(hook):
        raise HookError(f"Value is not callable: {hook}")
    count = arity(hook)
    if count not in arities:
        expected = " or ".join(str(arity) for arity in sorted(arities))
        raise HookError(f"Value must have an arity of: {expected}")
    return hook, count


def nothing(*arguments: object) -> None:
    """What `cfg` shows for a hook that is not configured."""


def _import_dotted(name: str) -> object:
    module_name, dot, attribute = name.rpartition(".")
    if not dot or name.startswith("."):
        raise HookError(f"Value {name!r} is not import string. Format: module[.submodules...].object")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise HookError(str(error)) from error
    try:
        found: object = getattr(module, attribute)
    except AttributeError:
        raise HookError(f"Can not load {attribute!r} from {module_name!r}") from None
    return found


def arity(hook: Callable[..., Any]) -> int:
    """How many positional arguments `hook` takes, as Gunicorn counts them; -1 if it does not tell."""
    try:
        parameters = inspect.signature(hook).parameters.values()
    except ValueError:  # some callables written in C do not tell
        return -1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in positional for parameter in parameters)
