"""The import name `gunicorn`: what is imported under it is Tricorn's module of the same purpose.

Installed in every process that the server runs, and by the package `gunicorn` of the distribution
`tricorn-gunicorn`. A real gunicorn that is installed always wins. Nothing is imported before somebody asks
for it. Modules that Gunicorn has and that are not named here do not exist.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import CodeType, ModuleType
from typing import Any

ROOT = "gunicorn"

MODULES = {
    "gunicorn.__main__": "tricorn.__main__",
    "gunicorn.app": "tricorn.app",
    "gunicorn.app.base": "tricorn.app.base",
    "gunicorn.app.pasterapp": "tricorn.app.pasterapp",
    "gunicorn.app.wsgiapp": "tricorn.app.wsgiapp",
    "gunicorn.arbiter": "tricorn.arbiter",
    "gunicorn.config": "tricorn.config",
    "gunicorn.errors": "tricorn.errors",
    "gunicorn.glogging": "tricorn.glogging",
    "gunicorn.http": "tricorn.gunicorn.http",
    "gunicorn.http.errors": "tricorn.gunicorn.http.errors",
    "gunicorn.http.message": "tricorn.gunicorn.http.message",
    "gunicorn.http.wsgi": "tricorn.gunicorn.http.wsgi",
    "gunicorn.instrument": "tricorn.instrument",
    "gunicorn.instrument.statsd": "tricorn.instrument.statsd",
    "gunicorn.sock": "tricorn.gunicorn.sock",
    "gunicorn.util": "tricorn.gunicorn.functions",
    "gunicorn.workers": "tricorn.workers",
    "gunicorn.workers.base": "tricorn.workers.base",
    "gunicorn.workers.gthread": "tricorn.workers.gthread",
    "gunicorn.workers.sync": "tricorn.workers.sync",
    "gunicorn.workers.workertmp": "tricorn.workers.workertmp",
}
"""Gunicorn's names, and ours. A name whose module of ours does not exist is not found."""


def install() -> None:
    """Answer to the name `gunicorn` in this process, unless a package of that name is installed."""
    if not any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        # First: below our package other finders would find its files a second time, under another name.
        sys.meta_path.insert(0, AliasFinder())


class AliasFinder(importlib.abc.MetaPathFinder):
    """Finds `gunicorn` and the modules below it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of an alias; None for every other name, and where there is a gunicorn that is not ours."""
        if fullname == ROOT:
            return _installed() or _root()
        return _alias(fullname) if fullname in MODULES and _root_is_ours() else None


def _installed() -> importlib.machinery.ModuleSpec | None:
    others = (finder for finder in sys.meta_path if not isinstance(finder, AliasFinder))
    return next((spec for finder in others if (spec := finder.find_spec(ROOT, None))), None)


def _root() -> importlib.machinery.ModuleSpec | None:
    # No alias, but a module by the name `gunicorn`, of the same file: `from gunicorn import util` looks
    # below its name.
    ours = importlib.util.find_spec("tricorn.gunicorn")
    if ours is None or ours.origin is None:
        return None
    root = importlib.util.spec_from_file_location(ROOT, ours.origin)
    if root is not None:
        root.submodule_search_locations = []  # a package, below which only AliasFinder finds anything
    return root


def _root_is_ours() -> bool:
    return getattr(sys.modules.get(ROOT), "__tricorn__", False) is True


def _alias(fullname: str) -> importlib.machinery.ModuleSpec | None:
    ours = MODULES[fullname]
    try:
        spec = importlib.util.find_spec(ours)
    except ModuleNotFoundError:  # its parent does not exist
        return None
    if spec is None:
        return None
    is_package = spec.submodule_search_locations is not None
    loader = AliasLoader(ours)
    alias = importlib.machinery.ModuleSpec(fullname, loader, origin=spec.origin, is_package=is_package)
    alias.has_location = spec.has_location
    return alias


class AliasLoader(importlib.abc.InspectLoader):
    """ "Loads" the module of another name: both names are one module."""

    def __init__(self, ours: str) -> None:
        self._ours = ours
        self._identity: dict[str, Any] = {}

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Our module, imported."""
        module = importlib.import_module(self._ours)
        # The import system is about to write the alias into it, which would break its reload and its imports.
        self._identity = {
            name: vars(module)[name] for name in ("__spec__", "__loader__") if name in vars(module)
        }
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its own name back; its code has run."""
        vars(module).update(self._identity)

    def is_package(self, fullname: str) -> bool:
        """Whether there are modules below it."""
        spec = importlib.util.find_spec(self._ours)
        return spec is not None and spec.submodule_search_locations is not None

    def get_code(self, fullname: str) -> CodeType | None:
        """The code, for `python -m`."""
        spec = importlib.util.find_spec(self._ours)
        loader = None if spec is None else spec.loader
        return loader.get_code(self._ours) if isinstance(loader, importlib.abc.InspectLoader) else None

    def get_source(self, fullname: str) -> str | None:
        """The source, for tracebacks."""
        spec = importlib.util.find_spec(self._ours)
        loader = None if spec is None else spec.loader
        return loader.get_source(self._ours) if isinstance(loader, importlib.abc.InspectLoader) else None
