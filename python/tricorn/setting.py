"""One setting as Python code sees it: the entries of `cfg.settings`.

The rows come from the table in Rust, which also says what each value must be; nothing about a setting is
decided here. A program may declare settings of its own by subclassing `Setting`, as with Gunicorn: they get
an option and a place in `cfg`, and mean nothing to the server. `tricorn.config` makes the objects.
"""

import argparse
import copy
import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from .errors import HookError, InvalidSetting
from .hooks import load_hook

PROGRAM = "the program"
"""The layer of what a program sets by itself, in the words of the server's error lines."""

_registry: "list[type[Setting]]" = []


class SettingMeta(type):
    """Enters every subclass of `Setting` that has a name into `KNOWN_SETTINGS`."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
        """Make the class; a validator given as a plain function is called without the setting."""
        if not any(isinstance(base, SettingMeta) for base in bases) or not namespace.get("name"):
            return super().__new__(mcs, name, bases, namespace)
        settings = known_settings()
        if inspect.isfunction(namespace.get("validator")):
            namespace["validator"] = staticmethod(namespace["validator"])
        namespace["desc"] = inspect.cleandoc(namespace.get("desc") or "")
        namespace["short"] = namespace["desc"].partition("\n")[0]
        namespace["order"] = len(settings)
        declared = super().__new__(mcs, name, bases, namespace)
        settings.append(declared)  # type: ignore[arg-type] # the base class says that it is one
        return declared


class Setting(metaclass=SettingMeta):
    """A setting and its value. Subclasses declare the class attributes; `validator` is called by `set`."""

    name: ClassVar[str] = ""
    section: ClassVar[str] = ""
    cli: ClassVar[Sequence[str] | None] = None
    validator: ClassVar[Callable[[Any], Any] | None] = None
    type: ClassVar[Callable[[str], Any] | None] = None
    meta: ClassVar[str | None] = None
    action: ClassVar[str | None] = None
    default: ClassVar[Any] = None
    short: ClassVar[str] = ""
    desc: ClassVar[str] = ""
    nargs: ClassVar[str | int | None] = None
    const: ClassVar[Any] = None
    order: ClassVar[int] = 0

    value: Any = None
    source: str = "default"
    """The layer that set the value: `default`, `the program`, `config file PATH`, `GUNICORN_CMD_ARGS` or
    `command line`."""

    def __init__(self) -> None:
        if self.default is not None:
            self.value = self.checked(self.default)

    def get(self) -> Any:
        """The value."""
        return self.value

    def set(self, val: Any, source: str = PROGRAM) -> None:
        """Validate and keep a value. Raises whatever the validator raises."""
        self.value = self.checked(val)
        self.source = source

    def checked(self, val: Any) -> Any:
        """What `set` would keep."""
        if self.validator is None:
            raise TypeError(f"Invalid validator: {self.name}")
        return type(self).validator(val)  # type: ignore[misc] # a static method, so without the setting

    def copy(self) -> "Setting":
        """A setting of its own with the same value."""
        return copy.copy(self)

    def add_option(self, parser: argparse.ArgumentParser) -> None:
        """Give `parser` the option of this setting, if it has one. An option that is not given is None."""
        if not self.cli:
            return
        options: dict[str, Any] = {
            "dest": self.name,
            "action": self.action or "store",
            "default": None,
            "help": f"{self.short} [{self.default}]".replace("%", "%%"),
        }
        if options["action"] == "store":
            options["type"] = self.type or str  # type: ignore[misc] # a static method, so without the setting
        for key, given in (("metavar", self.meta), ("nargs", self.nargs), ("const", self.const)):
            if given is not None:
                options[key] = given
        parser.add_argument(*self.cli, **options)

    def __lt__(self, other: "Setting") -> bool:
        return self.order < other.order

    def __reduce__(self) -> tuple[Any, ...]:
        return _revived, (self.name, vars(self))  # the classes of the table have no module to be found in

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with value {self.value!r}>"


class TableSetting(Setting):
    """A setting of the server's own table, which validates it."""

    arities: ClassVar[Sequence[int] | None] = None
    """Of a hook: the numbers of positional parameters it may have."""

    given: Any = None
    """What was set, before it was normalised; counts if `source` is not `default`."""

    def __init__(self) -> None:
        self._kept = self.value = UnsetHook(self.name) if self.arities else None

    def start_with(self, value: Any) -> None:
        """Take a value that the server has validated; it is not "given" by anybody."""
        if not (self.arities and value is None):
            self._kept = self.value = value

    def set(self, val: Any, source: str = PROGRAM) -> None:
        """Validate and keep a value. Raises InvalidSetting, which says in one line what would be right."""
        if isinstance(val, UnsetHook):
            self._kept = self.value = UnsetHook(self.name)
            self.source = "default"
            return
        from . import _core

        if self.arities and isinstance(val, str):
            val = self._imported(val, source)
        self._kept = self.value = _core.checked_setting(self.name, val, source)
        self.given, self.source = val, source

    def _imported(self, dotted: str, source: str) -> Any:
        try:
            return load_hook(dotted, self.arities or ())[0]
        except HookError as error:
            raise InvalidSetting(f"invalid value for {self.name}: {dotted!r} ({source}): {error}") from error

    def to_hand_over(self) -> tuple[str, Any, str] | None:
        """Name, value and layer for the server; None if the value is the default."""
        if self.value is not self._kept:  # somebody has assigned to `value`
            return self.name, self.value, PROGRAM
        if self.source == "default":
            return None
        # A path was made absolute when it was set; by now `chdir` may have been followed.
        return self.name, self.value if isinstance(self.value, str) else self.given, self.source


class UnsetHook:
    """The value of a hook that nobody has set: may be called, and does nothing."""

    def __init__(self, name: str) -> None:
        self.__name__ = self.__qualname__ = name

    def __call__(self, *arguments: object) -> None:
        """Nothing."""

    def __repr__(self) -> str:
        return f"<{self.__name__}()>"


def _octal(text: str) -> int:
    """A number with a prefix; a leading 0 means octal, as in chmod(1)."""
    return int(re.sub(r"^0(?=\d)", "0o", text), 0)


_NUMBERS: dict[str | None, Callable[[str], Any]] = {"decimal": int, "octal": _octal, None: str}


def known_settings() -> "list[type[Setting]]":
    """The classes of all settings: the server's table, then what the program has declared."""
    if not _registry:
        from . import _core

        for row in _core.setting_rows():
            _registry.append(_class_of(row, len(_registry)))
    return _registry


def _class_of(row: dict[str, Any], order: int) -> "type[Setting]":
    attributes = {
        key: row[key] for key in ("name", "section", "cli", "meta", "desc", "action", "default", "arities")
    }
    attributes["short"] = row["desc"].partition("\n")[0]
    attributes["type"] = staticmethod(_NUMBERS[row["number"]])
    attributes["order"] = order
    if row["optional_value"] is not None:
        attributes.update(nargs="?", const=row["optional_value"])
    # Past the metaclass, which would enter it a second time.
    name = row["name"].title().replace("_", "")
    made: Any = type.__new__(SettingMeta, name, (TableSetting,), attributes)
    return made  # type: ignore[no-any-return] # mypy does not see through the metaclass


def _revived(name: str, state: dict[str, Any]) -> Setting:
    found = next((declared for declared in known_settings() if declared.name == name), None)
    setting = Setting.__new__(found or Setting)
    vars(setting).update(state)
    return setting
