"""The application of the command line: a name to import, or a PasteDeploy file.

`WSGIApplication(...).run()` is the command as a Python call. The command `tricorn` itself reads its
configuration in Rust and only makes the object (`configured`), which loads the application and is
`server.app` for hooks.
"""

import argparse
from collections.abc import Mapping
from typing import Any

# Absolute: `python -m gunicorn.app.wsgiapp` runs this file as well.
from tricorn.app.base import WSGI, Application
from tricorn.config import Config
from tricorn.errors import ConfigError
from tricorn.loader import load_app


class WSGIApplication(Application):
    """An application named by the first positional argument, `wsgi_app` or `--paste`."""

    app_uri: str | None = None
    """`MODULE:VARIABLE`, or the path of the PasteDeploy file."""

    @classmethod
    def configured(cls, cfg: Config, app_uri: str) -> "WSGIApplication":
        """An application whose configuration is finished."""
        app = cls.__new__(cls)
        vars(app).update(cfg=cfg, app_uri=app_uri, usage=cfg.usage, prog=cfg.prog, callable=None, logger=None)
        return app

    def init(
        self, parser: argparse.ArgumentParser, opts: argparse.Namespace, args: list[str]
    ) -> Mapping[str, Any] | None:
        """Take the application's name from the command line."""
        self.app_uri = None
        if opts.paste:
            from tricorn.app.pasterapp import describe

            self.app_uri, file, has_logging = describe(opts.paste)
            self.cfg.set("default_proc_name", file)
            if has_logging:
                self.cfg.set("logconfig", file)
        elif args:
            self.cfg.set("default_proc_name", args[0])
            self.app_uri = args[0]
        return None

    def load_config(self) -> None:
        """Read all layers, then see that there is an application."""
        super().load_config()
        if self.app_uri is None:
            if self.cfg.wsgi_app is None:
                raise ConfigError("No application module specified.")
            self.app_uri = self.cfg.wsgi_app

    def load_wsgiapp(self) -> WSGI:
        """Import the application."""
        return load_app(self.app_uri or "")

    def load_pasteapp(self) -> WSGI:
        """Let PasteDeploy make the application."""
        from tricorn.app.pasterapp import get_wsgi_app

        return get_wsgi_app(self.app_uri or "", defaults=self.cfg.paste_global_conf)

    def load(self) -> WSGI:
        """The application."""
        return self.load_wsgiapp() if self.cfg.paste is None else self.load_pasteapp()


def run(prog: str | None = None) -> None:
    """The command, with the command line of this process."""
    WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]", prog=prog).run()


if __name__ == "__main__":
    run()
