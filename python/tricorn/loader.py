"""Turns the application's name on the command line (or in `wsgi_app`) into the callable that serves requests.

The bridge calls `callable_of` once per worker, or once in the master with `preload_app`; the application of
the command line comes from `load_app`. The forms and the messages are Gunicorn's. It does not touch
sys.path or the working directory: the settings `chdir` and `pythonpath` do.
"""

import ast
import importlib
import os
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from .errors import AppImportError


def callable_of(program: Any) -> Callable[..., Any]:
    """The application that an application object (`tricorn.app.base`) loads.

    Raises AppImportError if it is none.
    """
    app = program.wsgi()
    if not callable(app):
        name = type(program).__qualname__
        raise AppImportError(
            f"{name}.load() must return a WSGI application, which is callable; it returned {app!r}"
        )
    return app  # type: ignore[no-any-return] # `callable` says it, mypy cannot


def load_app(uri: str) -> Callable[..., Any]:
    """The application that `uri` names: `module`, `module:name`, or `module:factory(literal, name=literal)`.

    Without `:` the name is `application`. Raises AppImportError if the object is missing or not callable,
    ImportError if the module cannot be found, and whatever the module or the factory raises by itself.
    """
    module_name, colon, expression = uri.partition(":")
    if not colon:
        expression = "application"
    module = _import(module_name, expression)
    reference = _parse(expression)
    try:
        found = getattr(module, reference.name)
    except AttributeError:
        raise AppImportError(f"Failed to find attribute {reference.name!r} in {module_name!r}.") from None
    app = found if reference.call is None else _call(found, reference.call)
    if app is None:
        raise AppImportError(f"Failed to find application object: {expression!r}")
    if not callable(app):
        raise AppImportError("Application object must be callable.")
    return app  # type: ignore[no-any-return] # `callable` says it, mypy cannot


class Call(NamedTuple):
    """The literal arguments of a factory."""

    positional: list[Any]
    named: dict[str, Any]


class Reference(NamedTuple):
    """A name in the module, and how to call it if it is a factory."""

    name: str
    call: Call | None


def _import(module_name: str, expression: str) -> Any:
    if not module_name or module_name.startswith("."):
        raise AppImportError(f"{module_name + ':' + expression!r} does not begin with the name of a module.")
    try:
        return importlib.import_module(module_name)
    except ImportError:
        # `tricorn app.py` looks for a module `py` in a package `app`. Say what was meant.
        if module_name.endswith(".py") and os.path.exists(module_name):
            meant = f"{module_name[:-3]}:{expression}"
            raise ImportError(f"Failed to find application, did you mean {meant!r}?") from None
        raise


def _parse(expression: str) -> Reference:
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError):  # ValueError: a NUL character, before CPython 3.12
        raise _unparsable(expression) from None
    if isinstance(tree, ast.Name):
        return Reference(tree.id, None)
    if not isinstance(tree, ast.Call):
        raise _unparsable(expression)
    if not isinstance(tree.func, ast.Name):
        raise AppImportError(f"Function reference must be a simple name: {expression!r}")
    return Reference(tree.func.id, _literal_arguments(tree, expression))


def _unparsable(expression: str) -> AppImportError:
    return AppImportError(f"Failed to parse {expression!r} as an attribute name or function call.")


def _literal_arguments(tree: ast.Call, expression: str) -> Call:
    error = AppImportError(f"Failed to parse arguments as literal values: {expression!r}")
    named: dict[str, Any] = {}
    try:
        positional = [ast.literal_eval(argument) for argument in tree.args]
        for keyword in tree.keywords:
            if keyword.arg is None:  # `**mapping` has no literal name
                raise error
            named[keyword.arg] = ast.literal_eval(keyword.value)
    except (ValueError, TypeError):  # not a literal; a literal that cannot be built, such as {[]: 1}
        raise error from None
    return Call(positional, named)


def _call(factory: Any, call: Call) -> Any:
    try:
        return factory(*call.positional, **call.named)
    except TypeError as error:
        # A TypeError whose traceback ends here comes from the call itself: the URI's arguments are wrong.
        if error.__traceback__ is not None and error.__traceback__.tb_next is None:
            text = "".join(traceback.format_exception_only(type(error), error)).strip()
            raise AppImportError(text) from None
        raise
