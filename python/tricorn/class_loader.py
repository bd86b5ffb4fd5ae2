"""Finds the class that `worker_class` or `logger_class` names.

The bridge calls it while it fills the settings. A name is `package.module.Class`, `egg:DISTRIBUTION#name`, or
the name of an entry point in the group `gunicorn.workers` or `gunicorn.loggers`; the value may be the class
itself, or a function that returns it.
"""

import importlib
import inspect
import traceback
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from typing import Any

from .errors import ClassError

WORKERS = {
    "sync": "tricorn.workers.sync.SyncWorker",
    "gthread": "tricorn.workers.gthread.ThreadWorker",
}
"""The worker classes that have a name of their own."""

GROUPS = {"worker_class": "gunicorn.workers", "logger_class": "gunicorn.loggers"}
NEEDED = {"worker_class": ("init_process", "run"), "logger_class": ("error", "access", "setup")}
"""What a class must have to be one of its kind."""


def called(value: Any) -> Any:
    """What a configuration means by a function or method in place of a class: its result."""
    return value() if inspect.isfunction(value) or inspect.ismethod(value) else value


def load_class(setting: str, value: Any) -> type[Any]:
    """The class that the value of `setting` is or names. Raises ClassError, one line."""
    found = value if isinstance(value, type) else _named(setting, str(value))
    if not isinstance(found, type):
        raise ClassError(f"is no class but {type(found).__name__}")
    missing = [name for name in NEEDED[setting] if not hasattr(found, name)]
    if missing:
        raise ClassError(f"is a class without {' and '.join(missing)}()")
    return found


def _named(setting: str, name: str) -> Any:
    if name.startswith("egg:"):
        return _load(_of_distribution(GROUPS[setting], name.removeprefix("egg:")))
    if setting == "worker_class" and name in WORKERS:
        name = WORKERS[name]
    module_name, dot, attribute = name.rpartition(".")
    if not dot:
        return _load(_entry_point(setting, name))
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ClassError(f"cannot be imported: {_reason(error)}") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise ClassError(f"cannot be found: {module_name} has no {attribute}") from None


def _of_distribution(group: str, text: str) -> EntryPoint:
    project, _, name = text.rpartition("#")
    if not project:
        raise ClassError("is not of the form egg:DISTRIBUTION#name")
    try:
        points = distribution(project).entry_points
    except PackageNotFoundError:
        raise ClassError(f"cannot be found: no distribution is named {project}") from None
    chosen = [point for point in points if point.group == group and point.name == name]
    if not chosen:
        raise ClassError(f"cannot be found: {project} has no entry point {name} in the group {group}")
    return chosen[0]


def _entry_point(setting: str, name: str) -> EntryPoint:
    group = GROUPS[setting]
    points = entry_points(group=group)
    chosen = [point for point in points if point.name == name]
    if not chosen:
        known = ([*WORKERS] if setting == "worker_class" else ["simple"]) + sorted(points.names)
        raise ClassError(f"is not available; there are {', '.join(known)}, and classes by their import path")
    return chosen[0]


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        raise ClassError(f"cannot be loaded from {point.value}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    return " ".join("".join(traceback.format_exception_only(type(error), error)).split())
