"""The exceptions of Tricorn's Python side.

They are raised by the loader, the configuration-file reader and the hook loader, and turned by the bridge
into one line on stderr and an exit code. Each message is complete: it names the thing that is wrong.
"""


class TricornError(Exception):
    """The root of what Tricorn raises on purpose."""


class ContextError(TricornError):
    """The hook `ssl_context` asks for what the server cannot do."""


class AppImportError(TricornError):
    """The module was imported, but the application object in it is missing or unusable: exit code 4.

    An exception that the module itself raises while it is imported is passed on as it is: exit code 3.
    """


class ConfigFileError(TricornError):
    """The configuration file is missing, or raised.

    At start the exit code is 1; a reload keeps the configuration that is in force.
    The exception that the file raised, if any, is `__cause__`.
    """


class HookError(TricornError):
    """The value of a hook setting is not a callable of the right arity, nor the dotted name of one."""


class ClientDisconnected(OSError):
    """The client went away before its body was complete: what `wsgi.input` raises. Nobody is left to
    answer."""


class BodyTimeout(OSError):
    """The client sent nothing of its body for `body_timeout`: the answer is 408, unless the application
    has one."""


class InvalidBody(OSError):
    """The client broke the framing of its body, or a limit: the answer is 400, unless the application has
    one."""


class LogConfigError(TricornError, RuntimeError):
    """A setting about logging cannot be put in force: `setting` is its name, the message what is wrong
    with its
    value. A RuntimeError, because that is what Gunicorn's loggers raise."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


class ClassError(TricornError):
    """The value of `worker_class` or `logger_class` is no class of the right kind, nor the name of one."""


class ConfigError(TricornError):
    """A configuration with which nothing can be served. The message is one line."""


class InvalidSetting(ConfigError, ValueError, TypeError):
    """A value that a setting does not take. The message names the setting, the value and its source."""


class HaltServer(BaseException):
    """Ends a server, with `exit_status`, when a signal handler of an `Arbiter` subclass raises it."""

    def __init__(self, reason: str, exit_status: int = 1) -> None:
        super().__init__(reason, exit_status)
        self.reason = reason
        self.exit_status = exit_status

    def __str__(self) -> str:
        return f"<HaltServer {self.reason!r} {self.exit_status}>"
