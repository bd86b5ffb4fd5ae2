"""Configuration files: where they are found, what of them counts, and how they fail."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tricorn.config_file import MODULE_NAME, read_config_file
from tricorn.errors import ConfigFileError

NAMES = frozenset({"bind", "workers", "syslog", "config", "post_fork", "raw_env"})


@pytest.fixture(autouse=True)
def _config_module_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, MODULE_NAME, raising=False)


def read(path: Path, text: str, prefix: str = "") -> tuple[dict[str, Any], list[str]]:
    """What a file with `text` sets, and the warnings."""
    path.write_text(text)
    warnings: list[str] = []
    return read_config_file(f"{prefix}{path}", NAMES, warnings.append), warnings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("bind = '127.0.0.1:1'\nworkers = 1 + 1", {"bind": "127.0.0.1:1", "workers": 2}),
        ("BIND = 'x'\nWorkers = 3\nunknown = 4", {}),
        ("import os\nraw_env = [os.sep]", {"raw_env": [os.sep]}),
        ("workers = None", {"workers": None}),
        ("if True:\n  workers = 5", {"workers": 5}),
        ("def f():\n  workers = 6\nf()", {}),
        ("globals()['workers'] = 7", {"workers": 7}),
        ("bind = __name__", {"bind": "__config__"}),
        ("import os\nbind = os.path.basename(__file__)", {"bind": "conf.py"}),
    ],
)
@pytest.mark.parametrize("prefix", ["", "file:"])
def test_globals_named_like_settings_count(
    tmp_path: Path, text: str, expected: dict[str, Any], prefix: str
) -> None:
    assert read(tmp_path / "conf.py", text, prefix) == (expected, [])


def test_functions_become_hooks(tmp_path: Path) -> None:
    found, _ = read(tmp_path / "conf.py", "seen = []\ndef post_fork(server, worker): seen.append(worker)")
    found["post_fork"](None, 3)
    assert found["post_fork"].__globals__["seen"] == [3]
    assert sys.modules[MODULE_NAME].seen == [3]


def test_an_imported_module_is_no_setting(tmp_path: Path) -> None:
    """Gunicorn stops with "Invalid value for syslog: <module ...>" here."""
    found, warnings = read(tmp_path / "conf.py", "import syslog\nworkers = 2")
    assert found == {"workers": 2}
    assert warnings == [
        f"{tmp_path / 'conf.py'}: the imported module 'syslog' has the name of a setting and is ignored."
    ]


def test_another_extension_warns_but_loads(tmp_path: Path) -> None:
    assert read(tmp_path / "conf.txt", "workers = 2") == (
        {"workers": 2},
        ["configuration file should have a valid Python extension."],
    )


def test_a_module_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "named_config.py").write_text("workers = 8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert read_config_file("python:named_config", NAMES, pytest.fail) == {"workers": 8}


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    """Same size, same second: cached bytecode would hide the change."""
    path = tmp_path / "conf.py"
    for number in range(5):
        found, _ = read(path, f"workers = {number}")
        os.utime(path, (1_000_000_000, 1_000_000_000))
        assert found == {"workers": number}
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("1 / 0", ZeroDivisionError),
        ("def", SyntaxError),
        ("x = '\0'", SyntaxError),
        ("import no_such_module", ModuleNotFoundError),
        ("import sys; sys.exit(1)", SystemExit),
    ],
)
def test_a_file_that_raises(tmp_path: Path, text: str, cause: type[BaseException]) -> None:
    path = tmp_path / "conf.py"
    read(path, "workers = 1")
    before = sys.modules[MODULE_NAME]
    with pytest.raises(ConfigFileError) as raised:
        read(path, text)
    assert str(raised.value) == f"Failed to read config file: {path}"
    # CPython before 3.12 calls a NUL character in a source a ValueError.
    assert isinstance(raised.value.__cause__, (cause, ValueError) if "\0" in text else cause)
    assert sys.modules[MODULE_NAME] is before


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("no/such/conf.py", "'no/such/conf.py' doesn't exist"),
        ("file:no/such/conf.py", "'no/such/conf.py' doesn't exist"),
        (
            "python:no_such_module",
            "Failed to read config file: python:no_such_module (No module named 'no_such_module')",
        ),
        ("python:", "Failed to read config file: "),
        ("", "'' doesn't exist"),
    ],
)
def test_a_file_that_is_not_there(location: str, message: str) -> None:
    with pytest.raises(ConfigFileError) as raised:
        read_config_file(location, NAMES, pytest.fail)
    assert str(raised.value) == message
    assert MODULE_NAME not in sys.modules


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="Failed to read config file") as raised:
        read_config_file(str(tmp_path), NAMES, lambda _: None)
    assert isinstance(raised.value.__cause__, IsADirectoryError)
