"""PasteDeploy: applications described in an .ini file, and servers that such a file starts.

`--paste FILE.ini` is the first; `use = egg:tricorn#main` in a section `[server:main]`, read by `pserve`,
the second. The package PasteDeploy is imported when it is needed, and not before.
"""

import configparser
import os
from collections.abc import Mapping
from typing import Any

from ..config import get_default_config_file
from ..errors import AppImportError, ConfigError
from .base import WSGI
from .wsgiapp import WSGIApplication


def describe(location: str) -> tuple[str, str, bool]:
    """What `--paste FILE.ini#SECTION` names: the absolute location, the file, whether it configures logging.

    Raises ConfigError if there is no such file, or it is not in the form of an .ini file.
    """
    uri = os.path.abspath(location)
    file = uri.partition("#")[0]
    if not os.path.exists(file):
        raise ConfigError(f"{file!r} not found")
    return uri, file, has_logging_config(file)


def has_logging_config(config_file: str) -> bool:
    """Whether the file has a section for `logging.config`. Raises ConfigError if it cannot be read."""
    parser = configparser.ConfigParser()
    try:
        parser.read([config_file])
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"{config_file!r} is no .ini file: {str(error).splitlines()[0]}") from error
    return parser.has_section("loggers")


def get_wsgi_app(config_uri: str, name: str | None = None, defaults: Mapping[str, str] | None = None) -> WSGI:
    """The application that PasteDeploy makes of `config_uri`.

    Raises AppImportError if it is not installed.
    """
    try:
        from paste.deploy import loadapp  # type: ignore[import-not-found, import-untyped, unused-ignore] # optional
    except ImportError as error:
        raise AppImportError(f"--paste needs the package PasteDeploy ({error})") from error
    if ":" not in config_uri:
        config_uri = f"config:{config_uri}"
    app: WSGI = loadapp(config_uri, name=name, relative_to=os.getcwd(), global_conf=defaults)
    return app


def serve(app: WSGI, global_conf: Mapping[str, str], **local_conf: Any) -> None:
    """The server runner: serve `app` as the section `[server:main]` says.

    `host` and `port` are the address, `config` names a config file, every other key is a setting.
    """
    PasteServerApplication(app, global_conf["__file__"], local_conf).run()


class PasteServerApplication(WSGIApplication):
    """An application that PasteDeploy has made, and the section that says how to serve it."""

    def __init__(self, app: WSGI, config_file: str, local_conf: Mapping[str, Any]) -> None:
        self.app = app
        self.config_file = config_file
        self.local_conf = local_conf
        super().__init__()

    def load_config(self) -> None:
        """Read a config file of ours, then the section. The command line is the runner's, not ours."""
        self.cfg.set("default_proc_name", self.config_file)
        if has_logging_config(self.config_file):
            self.cfg.set("logconfig", self.config_file)
        conf = dict(self.local_conf)
        location = conf.pop("config", None) or get_default_config_file()
        if location is not None:
            self.load_config_from_file(location)
        if bind := _bind(conf.pop("host", ""), conf.pop("port", "")):
            self.cfg.set("bind", bind)
        for name, value in conf.items():
            if value is not None:
                self.cfg.set(name.lower(), value)

    def load(self) -> WSGI:
        """The application."""
        return self.app


def _bind(host: str, port: str) -> str | list[str] | None:
    if host and port:
        return f"{host}:{port}"
    return host.split(",") if host else None
