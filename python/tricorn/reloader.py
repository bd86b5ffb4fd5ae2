"""Which files `reload` watches, and the page of an application that cannot be loaded.

The bridge makes one Reloader per worker (`worker.reloader`), asks it for the files again and again, and does
the watching itself. Nothing here looks at a file's time.
"""

import contextlib
import glob
import importlib.machinery
import importlib.util
import os
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

Look = tuple[int, int, int]
"""Time in nanoseconds, size, inode."""

_COMPILED = (".pyc", ".pyo")
_YOUNG_S = 2.0
"""Seconds. File systems with the coarsest times count in twos."""
_TICK_NS = 10_000_000
"""The kernel stamps a file with the time of its last timer tick, at 100 Hz or faster."""


class Reloader:
    """The files of one worker: those of its modules, the extra ones, and those a failed import asks for."""

    def __init__(self, extra_files: Iterable[str] = ()) -> None:
        entries = [os.path.abspath(entry) for entry in extra_files]  # the application may change directory
        self._patterns = [entry for entry in entries if glob.has_magic(entry)]
        self._noted: deque[tuple[str, Look | None]] = deque()
        self._extra_files = {entry for entry in entries if not glob.has_magic(entry)}
        self._began_ns = time.time_ns()
        for path in self.get_files():
            self.note(path)

    def add_extra_file(self, filename: str) -> None:
        """Watch this file too, from now on. It need not exist yet."""
        # In this order: whoever finds it among the files finds its look noted.
        self.note(filename)
        self._extra_files.add(os.path.abspath(filename))

    def _add_missed_file(self, filename: str) -> None:
        """Watch a file that an import has missed. One that appeared after this worker began has changed: it
        may have come between the import and this look.
        """
        with contextlib.suppress(OSError):
            # A file server whose clock is ahead says nothing about when.
            if self._began_ns - _TICK_NS <= os.stat(filename).st_ctime_ns <= time.time_ns():
                self._noted.append((os.path.abspath(filename), None))
        self.add_extra_file(filename)

    def note(self, filename: str) -> None:
        """Note how a file looks now: it is about to be read, or was missed."""
        look = None
        with contextlib.suppress(OSError):
            status = os.stat(filename)
            look = (status.st_mtime_ns, status.st_size, status.st_ino)
        self._noted.append((os.path.abspath(filename), look))

    def take_noted(self) -> list[tuple[str, Look | None]]:
        """What was noted since the last call. Asked for after `get_files`, it has a look of every file among
        those that was noted at all.
        """
        taken = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._noted.popleft())
        return taken

    def get_files(self) -> list[str]:
        """All files, now: modules that were imported meanwhile and new matches of patterns are among them."""
        files = {path for module in tuple(sys.modules.values()) if (path := _source(module))}
        files |= self._extra_files
        for pattern in self._patterns:
            files.update(glob.iglob(pattern, recursive=True))
        return list(files)

    def failure_app(self, error: BaseException) -> Callable[..., Any]:
        """A WSGI application to serve instead of one that cannot be loaded, until a file changes that may
        mend it: it answers every request with the traceback, as Gunicorn's does.
        """
        self.add_failure(error)
        return _page(error)

    def add_failure(self, error: BaseException) -> None:
        """Watch what may mend this error: the files of its traceback, and where a missing module would be."""
        seen: set[int] = set()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            for path in _traceback_files(error):
                self.add_extra_file(path)
            for path in _mending_files(error):
                self._add_missed_file(path)
            error = error.__cause__ or error.__context__  # type: ignore[assignment] # None ends the loop


def _source(module: Any) -> str | None:
    """The file a module was loaded from; the source, if that is known."""
    path = getattr(module, "__file__", None)
    if not isinstance(path, str):
        return None
    return path[:-1] if path.endswith(_COMPILED) else path


def _traceback_files(error: BaseException) -> list[str]:
    names = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    return [name for name in names if not name.startswith("<")]


def _mending_files(error: BaseException) -> list[str]:
    if isinstance(error, SyntaxError):
        return [error.filename] if error.filename and not error.filename.startswith("<") else []
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return []
    package, _, name = error.name.rpartition(".")
    folders = getattr(sys.modules.get(package), "__path__", ()) if package else sys.path
    suffixes = (*importlib.machinery.SOURCE_SUFFIXES, f"{os.sep}__init__.py")
    return [os.path.join(folder, name + suffix) for folder in folders for suffix in suffixes]


def watch_imports(reloader: Reloader) -> None:
    """From now on `reloader` knows how each source looked when it was imported, and no bytecode of a source
    that was saved within the last seconds is cached.

    Looking at a file after its import would miss what was saved in between. And Python takes a cached file
    for current if size and time agree, the time in whole seconds: of two versions of the same length that
    are saved within a second, the second would never run. Only a worker with `reload` calls this.
    """
    loader = importlib.machinery.SourceFileLoader
    stats, write = loader.path_stats, loader.set_data

    def path_stats(self: Any, path: str) -> Any:
        reloader.note(path)
        return stats(self, path)

    def set_data(self: Any, path: str, data: bytes, **options: Any) -> None:
        with contextlib.suppress(OSError, NotImplementedError, ValueError):
            if os.stat(importlib.util.source_from_cache(path)).st_mtime > time.time() - _YOUNG_S:
                return
        write(self, path, data, **options)

    loader.path_stats = path_stats  # type: ignore[method-assign]
    loader.set_data = set_data  # type: ignore[assignment, method-assign]


def _page(error: BaseException) -> Callable[..., Any]:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    body = "".join(lines).encode("utf-8", "backslashreplace")

    def application(environ: Any, start_response: Any) -> list[bytes]:
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response("500 Internal Server Error", headers)
        return [body]

    return application
