"""Tricorn: a pre-fork WSGI application server, a drop-in for Gunicorn.

The server is the extension module `tricorn._core`. The Python files beside it are what is Python by nature:
loading the application and the configuration file, and the objects that hooks receive. No request passes
through them, except where a configuration defines `pre_request` or `post_request`. Importing this package
does not load the extension module.
"""

from typing import Any

from .errors import AppImportError, ConfigFileError, TricornError

__all__ = ["AppImportError", "ConfigFileError", "TricornError", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from . import _core

        return _core.__version__
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
