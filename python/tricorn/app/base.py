"""The embedding API: a program subclasses one of these, says what is configured and what is served, and
runs it.

The order in which the layers of the configuration are read is Gunicorn's, and every step is a method that a
subclass can replace. Nothing is served here: `run` hands the object over to `tricorn.arbiter.Arbiter`, and
the master calls `wsgi` in each worker (or before the fork, with `preload_app`) and `reload` on HUP.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..arbiter import Arbiter
from ..config import Config, get_default_config_file
from ..config_file import file_names, the_settings
from ..errors import ConfigError, ConfigFileError

WSGI = Callable[..., Any]

COMMAND_LINE = "command line"
COMMAND_ARGS = "GUNICORN_CMD_ARGS"


class ConfigurationFailed(SystemExit):
    """The configuration cannot be used, which has been said on standard error: exit code 1."""

    def __init__(self, line: str) -> None:
        super().__init__(1)
        self.line = line


class BaseApplication:
    """An application and its configuration. A subclass defines `load_config` and `load`."""

    cfg: Config
    callable: WSGI | None
    """The application, once `wsgi` has loaded it."""

    argv: Sequence[str] | None = None
    """The command line to parse; None is that of the process."""

    is_reloading = False
    """A server runs already, and has asked for its configuration."""

    def __init__(self, usage: str | None = None, prog: str | None = None) -> None:
        self.usage = usage
        self.prog = prog
        self.callable = None
        self.logger = None
        self.config_warnings: list[str] = []
        self.may_detach = False
        self.do_load_config()

    def do_load_config(self) -> None:
        """Read the whole configuration anew. If it cannot be, say so in one line and exit with 1."""
        self.config_warnings.clear()
        try:
            self.load_default_config()
            self.load_config()
            self.cfg.validate()
        except Exception as error:
            line = _explained(error)
            if not self.is_reloading:  # then the bridge logs it
                print(f"\nError: {line}", file=sys.stderr, flush=True)
            raise ConfigurationFailed(line) from error

    def load_default_config(self) -> None:
        """Begin with the defaults."""
        self.cfg = Config(self.usage, prog=self.prog)

    def init(
        self, parser: argparse.ArgumentParser, opts: argparse.Namespace, args: list[str]
    ) -> Mapping[str, Any] | None:
        """What the program itself configures, given what the command line said."""
        raise NotImplementedError(f"{type(self).__qualname__} must define init(parser, opts, args)")

    def load(self) -> WSGI:
        """The WSGI application.

        Called once per process that serves, or once in the master with preload_app.
        """
        raise NotImplementedError(f"{type(self).__qualname__} must define load()")

    def load_config(self) -> None:
        """Fill `self.cfg`, with `self.cfg.set`."""
        raise NotImplementedError(f"{type(self).__qualname__} must define load_config()")

    def reload(self) -> None:
        """Read the configuration anew: HUP."""
        self.do_load_config()

    def wsgi(self) -> WSGI:
        """The application, loaded when first asked for."""
        if self.callable is None:
            self.callable = self.load()
        return self.callable

    def run(self) -> None:
        """Serve until the server is told to stop, then exit with its exit code."""
        try:
            Arbiter(self).run()
        except RuntimeError as error:
            print(f"\nError: {error}\n", file=sys.stderr, flush=True)
            sys.exit(1)


class Application(BaseApplication):
    """An application that is also configured by the command line, a config file and GUNICORN_CMD_ARGS.

    A subclass defines `init` and `load`.
    """

    def chdir(self) -> None:
        """Go to the directory of the setting `chdir`, and look for modules there first."""
        os.chdir(self.cfg.chdir)
        _put_first(self.cfg.chdir)

    def get_config_from_filename(self, filename: str) -> Mapping[str, Any]:
        """The globals of a config file. Raises ConfigFileError."""
        return file_names(f"file:{filename}", self.config_warnings.append)

    def get_config_from_module_name(self, module_name: str) -> Mapping[str, Any]:
        """The globals of a module. Raises ConfigFileError."""
        return file_names(f"python:{module_name}", self.config_warnings.append)

    def load_config_from_module_name_or_filename(self, location: str) -> Mapping[str, Any]:
        """Set what a config file sets: `PATH`, `file:PATH` or `python:MODULE`. Returns all its globals."""
        if location.startswith("python:"):
            names = self.get_config_from_module_name(location.removeprefix("python:"))
        else:
            names = self.get_config_from_filename(location.removeprefix("file:"))
        for name, value in the_settings(
            names, self.cfg.settings, location, self.config_warnings.append
        ).items():
            self.cfg.set(name, value, f"config file {location}")
        return names

    def load_config_from_file(self, filename: str) -> Mapping[str, Any]:
        """The same, under its older name."""
        return self.load_config_from_module_name_or_filename(filename)

    def load_config(self) -> None:
        """Read the layers: `init`, then the config file, then GUNICORN_CMD_ARGS, then the command line."""
        parser = self.cfg.parser()
        opts = parser.parse_args(self.argv)
        of_program = self.init(parser, opts, opts.args)
        self.chdir()
        for name, value in _items(of_program, type(self)):
            self.cfg.set(name.lower(), value)
        of_environment = parser.parse_args(self._command_args())
        location = opts.config or of_environment.config or get_default_config_file()
        if location is not None:
            self.load_config_from_file(location)
        self._apply(of_environment, COMMAND_ARGS)
        self._apply(opts, COMMAND_LINE)
        self.chdir()

    def _command_args(self) -> list[str]:
        try:
            return self.cfg.get_cmd_args_from_env()
        except ValueError as error:
            raise ConfigError(f"{COMMAND_ARGS}: {error}") from error

    def _apply(self, opts: argparse.Namespace, layer: str) -> None:
        for name, value in vars(opts).items():
            if value is not None and name in self.cfg.settings:
                self.cfg.set(name, value, layer)

    def run(self) -> None:
        """Serve, unless the settings ask for a look only (print_config, check_config)."""
        if self.cfg.print_config:
            print(self.cfg)
        if self.cfg.print_config or self.cfg.check_config:
            self._check()
        for path in (self.cfg.pythonpath or "").split(","):
            if path:
                _put_first(os.path.abspath(path))
        self.may_detach = True
        super().run()

    def _check(self) -> None:
        try:
            self.load()
        except Exception:
            print("\nError while loading the application:\n", file=sys.stderr)
            traceback.print_exc()
            sys.exit(1)
        sys.exit(0)


def reload_or_explain(app: BaseApplication) -> str | None:
    """Let a program read its configuration anew. If it fails, the one before is in force again, and the
    result is why. A reload that fails must not end a server that runs, whatever the program raises."""
    before = app.cfg
    app.is_reloading = True
    try:
        app.reload()
    except ConfigurationFailed as failed:
        app.cfg = before
        return failed.line
    except (Exception, SystemExit):
        app.cfg = before
        return traceback.format_exc().rstrip()
    finally:
        app.is_reloading = False
    return None


def _explained(error: Exception) -> str:
    """One line; of what a config file raised, with the traceback behind it."""
    line = str(error) or type(error).__name__
    if isinstance(error, ConfigFileError) and error.__cause__ is not None:
        return line + "\n" + "".join(traceback.format_exception(error.__cause__)).rstrip()
    return line


def _items(given: object, program: type) -> Any:
    if not given:
        return ()
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"{program.__qualname__}.init() returned {given!r}; it must return a dict of settings"
        )
    return given.items()


def _put_first(directory: str) -> None:
    if directory not in sys.path:
        sys.path.insert(0, directory)
