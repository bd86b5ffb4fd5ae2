"""`flask tricorn`: serve the application that Flask's own command line has found.

An entry point in the group `flask.commands`, which Flask loads; click is there because Flask is. All
options of the command `tricorn` follow it, and the config file and GUNICORN_CMD_ARGS count as they do
there. Neither Flask nor click is imported by anything else of ours.
"""

import argparse
from collections.abc import Mapping
from typing import Any

import click

from .app.base import WSGI, Application
from .errors import AppImportError


class FlaskApplication(Application):
    """The application of a Flask command line, loaded by Flask in each worker."""

    def __init__(self, info: Any, argv: tuple[str, ...]) -> None:
        self.info = info
        self.argv = argv
        super().__init__("%(prog)s [OPTIONS]", prog="flask tricorn")

    def init(
        self, parser: argparse.ArgumentParser, opts: argparse.Namespace, args: list[str]
    ) -> Mapping[str, Any] | None:
        """Name the process after the application."""
        if args:
            parser.error(f"unexpected argument {args[0]!r}: the application is named by `flask --app`")
        named = self.info.app_import_path
        return {"default_proc_name": named} if named else None

    def load(self) -> WSGI:
        """The application. Raises AppImportError if Flask finds none."""
        try:
            app: WSGI = self.info.load_app()
        except click.UsageError as error:  # NoAppException: no such module, no application in it
            raise AppImportError(error.format_message()) from error
        return app


@click.command(
    "tricorn",
    short_help="Serve with Tricorn.",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Serve the application with Tricorn. `flask tricorn --help` lists the options."""
    from flask.cli import ScriptInfo

    FlaskApplication(context.ensure_object(ScriptInfo), arguments).run()
