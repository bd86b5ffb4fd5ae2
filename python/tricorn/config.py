"""The configuration as programs, hooks and applications see it: `app.cfg`, `server.cfg`, `worker.cfg`.

An embedding program fills one with `set`; `given` is what the bridge takes from it. Once a server runs with
it, it is a view: the typed configuration that the server acts upon is in Rust, and nothing is read back
from here.
"""

import argparse
import difflib
import grp
import ipaddress
import os
import pwd
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from .address import parse_address
from .setting import PROGRAM, Setting, TableSetting, known_settings
from .validators import (
    validate_bool,
    validate_callable,
    validate_dict,
    validate_list_string,
    validate_pos_int,
    validate_string,
    validate_string_to_list,
)

__all__ = [
    "Config",
    "Setting",
    "get_default_config_file",
    "make_settings",
    "validate_bool",
    "validate_callable",
    "validate_dict",
    "validate_list_string",
    "validate_pos_int",
    "validate_string",
    "validate_string_to_list",
]

DEFAULT_FILES = ("tricorn.conf.py", "gunicorn.conf.py")
"""Config files that are read if no other is named, the first that exists."""

SSL_SETTINGS = (
    "keyfile",
    "certfile",
    "ssl_version",
    "cert_reqs",
    "ca_certs",
    "suppress_ragged_eofs",
    "do_handshake_on_connect",
    "ciphers",
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def __getattr__(name: str) -> Any:
    if name == "KNOWN_SETTINGS":  # not at import time: it loads the extension module
        return known_settings()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def make_settings(ignore: Iterable[str] = ()) -> dict[str, Setting]:
    """Every setting with its default, by name. Raises InvalidSetting for a bad environment variable."""
    from . import _core

    values = _core.setting_defaults()
    settings = {}
    for declared in known_settings():
        if declared.name not in ignore:
            setting = settings[declared.name] = declared()
            if isinstance(setting, TableSetting):
                setting.start_with(values[declared.name])
    return settings


def get_default_config_file() -> str | None:
    """The config file that is read if none is named: the first of DEFAULT_FILES in the working directory."""
    found = (os.path.join(os.path.abspath(os.getcwd()), name) for name in DEFAULT_FILES)
    return next((path for path in found if os.path.exists(path)), None)


class Config:
    """Every setting as an attribute that cannot be assigned to, and what Gunicorn derives from them.

    `usage` and `prog` are what the command line's help says.
    """

    settings: MutableMapping[str, Setting]
    usage: str | None
    prog: str
    env_orig: dict[str, str]
    is_final: bool

    def __init__(self, usage: str | None = None, prog: str | None = None) -> None:
        self._begin(make_settings(), usage, prog or os.path.basename(sys.argv[0]))

    def _begin(self, settings: Any, usage: str | None, prog: str) -> None:
        # Past __setattr__, which needs `settings` to be there.
        environment = dict(os.environ)
        vars(self).update(settings=settings, usage=usage, prog=prog, env_orig=environment, is_final=False)

    @classmethod
    def finished(cls, values: Mapping[str, Any], prog: str = "tricorn") -> "Config":
        """The configuration of a server: values that it has validated, and that do not change any more."""
        declared = {known.name: known for known in known_settings()}
        settings = {}
        for name, value in values.items():
            setting = settings[name] = declared[name]()
            if isinstance(setting, TableSetting):
                setting.start_with(value)
        cfg = cls.__new__(cls)
        cfg._begin(MappingProxyType(settings), None, prog)
        cfg.finish()
        return cfg

    def finish(self) -> None:
        """From now on the settings cannot be changed: a server runs with them."""
        vars(self)["is_final"] = True

    def __getattr__(self, name: str) -> Any:
        # `settings` itself is missing while a copy or an unpickled Config is being put together.
        settings = vars(self).get("settings", {})
        if name not in settings:
            raise AttributeError(f"No configuration setting for: {name}")
        return settings[name].get()

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.settings:
            raise AttributeError("Invalid access!")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if name in self.settings:
            raise AttributeError("Invalid access!")
        super().__delattr__(name)

    def set(self, name: str, value: object, source: str = PROGRAM) -> None:
        """Set one setting; `source` is the layer that error lines name.

        Raises AttributeError if there is no such setting or the configuration is final, and InvalidSetting (a
        ValueError and a TypeError) for a value that is not right.
        """
        if name not in self.settings:
            near = difflib.get_close_matches(name.lower(), self.settings, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise AttributeError(f"No configuration setting for: {name}{hint}")
        if self.is_final:
            raise AttributeError("Invalid access!")
        setting = self.settings[name]
        if isinstance(setting, TableSetting):
            setting.set(value, source)
        else:
            setting.set(value)
            setting.source = source
        for cached in ("_forwarded_networks", "_proxy_networks"):
            vars(self).pop(cached, None)

    def validate(self) -> None:
        """Check that the settings fit together. Raises InvalidSetting."""
        from . import _core

        _core.check_settings(self.given())

    def given(self) -> list[tuple[str, Any, str]]:
        """Name, value and layer of every setting of the server that somebody has set."""
        table = (setting for setting in self.settings.values() if isinstance(setting, TableSetting))
        return [given for setting in table if (given := setting.to_hand_over())]

    def get_cmd_args_from_env(self) -> list[str]:
        """The words of GUNICORN_CMD_ARGS. Raises ValueError if its quotes do not match."""
        return shlex.split(self.env_orig.get("GUNICORN_CMD_ARGS", ""))

    def parser(self) -> argparse.ArgumentParser:
        """A parser for the command line: an option for each setting that has one, and the positionals
        `args`."""
        from . import _core

        parser = argparse.ArgumentParser(prog=self.prog, usage=self.usage)
        version = f"%(prog)s (version {_core.__version__})"
        parser.add_argument("-v", "--version", action="version", version=version, default=argparse.SUPPRESS)
        parser.add_argument("args", nargs="*", help=argparse.SUPPRESS)
        for setting in sorted(self.settings.values()):
            setting.add_option(parser)
        return parser

    def __str__(self) -> str:
        """As `--print-config` prints it: sorted, one `name = value` per line."""
        width = max(map(len, self.settings))
        lines = []
        for name in sorted(self.settings):
            value = self.settings[name].value
            shown = f"<{value.__qualname__}()>" if callable(value) else value
            lines.append(f"{name:{width}} = {shown}")
        return "\n".join(lines)

    @property
    def worker_class_str(self) -> str:
        """The name of the worker class; `sync` with more than one thread is `gthread`."""
        named = self.settings["worker_class"].value
        if not isinstance(named, str):
            return str(named.__name__)
        is_sync = named == "sync" or named.endswith("SyncWorker")
        return "gthread" if is_sync and self.settings["threads"].value > 1 else named

    @property
    def address(self) -> list[tuple[str, int] | str | int]:
        """The setting `bind`, parsed."""
        return [parse_address(bind) for bind in self.settings["bind"].value]

    @property
    def uid(self) -> int:
        """The user id that workers run with."""
        user = self.settings["user"].value
        if user is None:
            return os.geteuid()
        return user if isinstance(user, int) else _uid_named(user)

    @property
    def gid(self) -> int:
        """The group id that workers run with."""
        group = self.settings["group"].value
        if group is None:
            return os.getegid()
        return group if isinstance(group, int) else _gid_named(group)

    @property
    def proc_name(self) -> str:
        """The setting, else the application's name."""
        name = self.settings["proc_name"].value
        return str(self.settings["default_proc_name"].value if name is None else name)

    @property
    def is_ssl(self) -> bool:
        """Whether a certificate or a key is configured."""
        return bool(self.settings["certfile"].value or self.settings["keyfile"].value)

    @property
    def ssl_options(self) -> dict[str, Any]:
        """The settings of the SSL section."""
        return {name: self.settings[name].value for name in SSL_SETTINGS if name in self.settings}

    @property
    def env(self) -> dict[str, str]:
        """The setting `raw_env`, parsed. Raises RuntimeError for an entry without `=`."""
        return dict(_split(entry, "=") for entry in self.settings["raw_env"].value or ())

    @property
    def paste_global_conf(self) -> dict[str, str] | None:
        """The setting `raw_paste_global_conf`, parsed; `\\=` is an equals sign inside a key or a value."""
        entries = self.settings["raw_paste_global_conf"].value
        if entries is None:
            return None
        pairs = (_split(entry, r"(?<!\\)=") for entry in entries)
        return {key.replace("\\=", "="): value.replace("\\=", "=") for key, value in pairs}

    @property
    def sendfile(self) -> bool:
        """The setting if it was given, else the variable SENDFILE of the environment, else true."""
        given = self.settings["sendfile"].value
        if given is not None:
            return bool(given)
        return os.environ.get("SENDFILE", "yes").lower() in ("y", "1", "yes", "true")

    @cached_property
    def _forwarded_networks(self) -> list[Network]:
        return _networks(self.settings["forwarded_allow_ips"].value)

    @cached_property
    def _proxy_networks(self) -> list[Network]:
        return _networks(self.settings["proxy_allow_ips"].value)

    def forwarded_allow_networks(self) -> list[Network]:
        """The networks in `forwarded_allow_ips`, without `*`."""
        return self._forwarded_networks

    def proxy_allow_networks(self) -> list[Network]:
        """The networks in `proxy_allow_ips`, without `*`."""
        return self._proxy_networks

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.settings)} settings>"


def _split(entry: str, separator: str) -> tuple[str, str]:
    parts = re.split(separator, entry, maxsplit=1)
    if len(parts) != 2:
        raise RuntimeError(f"environment setting {entry!r} invalid")
    return parts[0], parts[1]


def _networks(addresses: Iterable[str]) -> list[Network]:
    return [ipaddress.ip_network(address) for address in addresses if address != "*"]


def _uid_named(name: str) -> int:
    return int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid


def _gid_named(name: str) -> int:
    return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
