"""Which files a worker with `reload` watches after an import has failed."""

from __future__ import annotations

import importlib
import os
import time
from pathlib import Path

import pytest
from tricorn.reloader import _TICK_NS, Reloader


def failed_import(name: str) -> ModuleNotFoundError:
    with pytest.raises(ModuleNotFoundError) as caught:
        importlib.import_module(name)
    return caught.value


def test_a_module_that_appears_while_its_import_fails_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file was saved between the import and the first look at it. It was taken for one that had been
    there, and the page that says "No module named ..." stayed for ever.
    """
    monkeypatch.syspath_prepend(tmp_path)
    reloader = Reloader()
    error = failed_import("appears_later")
    saved = tmp_path / "appears_later.py"
    saved.write_text("")
    reloader.add_failure(error)
    first_looks = dict(reversed(reloader.take_noted()))
    assert first_looks[str(saved)] is None
    assert first_looks[str(tmp_path / "appears_later" / "__init__.py")] is None


def test_a_file_that_was_there_all_the_time_is_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that only claims that a module is missing must not restart workers for ever."""
    monkeypatch.syspath_prepend(tmp_path)
    there = tmp_path / "there.py"
    there.write_text("raise ModuleNotFoundError('No module named there', name='there')")
    written_ns = os.stat(there).st_ctime_ns
    # The kernel stamps files with the time of its last tick.
    while time.time_ns() <= written_ns + _TICK_NS:
        time.sleep(0)
    reloader = Reloader()
    reloader.add_failure(failed_import("there"))
    first_looks = dict(reversed(reloader.take_noted()))
    assert first_looks[str(there)] == (
        os.stat(there).st_mtime_ns,
        os.stat(there).st_size,
        os.stat(there).st_ino,
    )


def test_a_file_that_is_listed_has_been_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watching thread lists the files while the application's thread adds one. When it saw a file before
    its note, it took the look of after the last change for the first one.
    """
    reloader = Reloader()
    reloader.take_noted()
    added = str(tmp_path / "added.txt")
    seen: list[tuple[bool, bool]] = []
    abspath = os.path.abspath

    def looked_at(path: str) -> str:
        is_listed = added in reloader.get_files()
        noted = [name for name, _ in reloader.take_noted()]
        seen.append((is_listed, added in noted or any(was_noted for _, was_noted in seen)))
        return abspath(path)

    monkeypatch.setattr(os.path, "abspath", looked_at)
    reloader.add_extra_file(added)
    looked_at(added)
    assert seen[-1] == (True, True)
    assert (True, False) not in seen


def test_what_is_there_at_the_beginning_is_noted(tmp_path: Path) -> None:
    """The thread may come to look late: what was saved until then must not be lost."""
    (tmp_path / "data.txt").write_text("1")
    (tmp_path / "page.html").write_text("1")
    reloader = Reloader([str(tmp_path / "data.txt"), str(tmp_path / "*.html"), str(tmp_path / "later.txt")])
    looks = dict(reversed(reloader.take_noted()))
    assert looks[str(tmp_path / "data.txt")] is not None
    assert looks[str(tmp_path / "page.html")] is not None
    assert looks[str(tmp_path / "later.txt")] is None
    assert looks[os.__file__] is not None
