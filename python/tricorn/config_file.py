"""Executes a configuration file, which is Python, and returns what it sets.

The bridge calls `read_config_file` at start and again on every reload; it then validates each value and
stores it. An embedding program takes the two steps by itself (`tricorn.app.base`). This module knows the
names of the settings only as a parameter, and decides nothing about their values.
"""

import importlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Collection, Mapping
from types import ModuleType
from typing import Any

from .errors import ConfigFileError

MODULE_NAME = "__config__"


def read_config_file(
    location: str, setting_names: Collection[str], warn: Callable[[str], None]
) -> dict[str, Any]:
    """The globals of the file at `location` whose exact names are in `setting_names`.

    `location` is `PATH`, `file:PATH` or `python:MODULE`. A module that the file imports under the name of a
    setting (`import syslog`) is left out, and `warn` is told. Raises ConfigFileError if the file is missing
    or raises; whatever it raises, SystemExit and KeyboardInterrupt included, must not end a server that is
    running.
    """
    return the_settings(file_names(location, warn), setting_names, location, warn)


def file_names(location: str, warn: Callable[[str], None]) -> Mapping[str, Any]:
    """All globals of the file at `location`. Raises ConfigFileError, as `read_config_file` does."""
    if location.startswith("python:"):
        return _import_module(location.removeprefix("python:"))
    return _execute(location.removeprefix("file:"), warn)


def _import_module(name: str) -> Mapping[str, Any]:
    try:
        return vars(importlib.import_module(name))
    except ModuleNotFoundError as error:
        if error.name == name:  # the module itself is missing, and its traceback would only show us
            raise ConfigFileError(f"Failed to read config file: python:{name} ({error})") from None
        raise _failed(name) from error
    except BaseException as error:
        raise _failed(name) from error


def _execute(path: str, warn: Callable[[str], None]) -> Mapping[str, Any]:
    if not os.path.exists(path):
        raise ConfigFileError(f"{path!r} doesn't exist")
    if os.path.splitext(path)[1] not in (".py", ".pyc"):
        warn("configuration file should have a valid Python extension.")
    module = _module_for(path)
    replaced = sys.modules.get(MODULE_NAME)
    sys.modules[MODULE_NAME] = module  # so that pickle, dataclasses and the like find what the file defines
    try:
        assert module.__spec__ is not None and module.__spec__.loader is not None
        module.__spec__.loader.exec_module(module)
    except BaseException as error:
        # The hooks of the configuration that stays in force belong to the module that was there before.
        if replaced is None:
            del sys.modules[MODULE_NAME]
        else:
            sys.modules[MODULE_NAME] = replaced
        raise _failed(path) from error
    return vars(module)


def _module_for(path: str) -> ModuleType:
    loader: importlib.machinery.SourceFileLoader | importlib.machinery.SourcelessFileLoader
    if path.endswith(".pyc"):
        loader = importlib.machinery.SourcelessFileLoader(MODULE_NAME, path)
    else:
        loader = _FreshSourceLoader(MODULE_NAME, path)
    spec = importlib.util.spec_from_file_location(MODULE_NAME, path, loader=loader)
    assert spec is not None, "a spec is always made for an explicit loader"
    return importlib.util.module_from_spec(spec)


class _FreshSourceLoader(importlib.machinery.SourceFileLoader):
    """Compiles the file each time.

    Cached bytecode is judged by size and by a modification time in whole seconds, so that a file edited twice
    within a second could be reloaded as it was; and a __pycache__ beside a configuration file surprises.
    """

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def the_settings(
    names: Mapping[str, Any], setting_names: Collection[str], location: str, warn: Callable[[str], None]
) -> dict[str, Any]:
    """Those of `names` that are settings; `location` is where they come from, for `warn`."""
    found = {}
    for name, value in names.items():
        if name not in setting_names:
            continue
        if isinstance(value, ModuleType):
            warn(f"{location}: the imported module {name!r} has the name of a setting and is ignored.")
        else:
            found[name] = value
    return found


def _failed(location: str) -> ConfigFileError:
    return ConfigFileError(f"Failed to read config file: {location}")
