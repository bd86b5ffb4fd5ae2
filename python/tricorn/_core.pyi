"""The extension module, built from crates/bridge."""

from typing import Any

from .arbiter import Arbiter

__version__: str

def main(argv: list[str]) -> int:
    """Run the server. `argv[0]` is the name of the program; returns the exit code of the process."""

def run(arbiter: Arbiter, may_detach: bool) -> int:
    """Run the server of an embedding program; returns its exit code. `may_detach`: the setting `daemon`
    counts. Raises RuntimeError if this process serves already."""

def start_context() -> dict[Any, Any]:
    """How this process was started, as `server.START_CTX` has it: the program under 0, `args`, `cwd`."""

def ask_workers(number: int) -> None:
    """Ask the master, which is this process, to keep so many workers."""

def setting_rows() -> list[dict[str, Any]]:
    """The rows of the table of settings: what `tricorn.setting` makes its classes of."""

def setting_defaults() -> dict[str, Any]:
    """Every setting's value before anybody has set it, in the present environment. Raises InvalidSetting."""

def checked_setting(name: str, value: object, layer: str) -> Any:
    """What the setting `name` would hold if `layer` set it to `value`. Raises InvalidSetting."""

def check_settings(given: list[tuple[str, Any, str]]) -> None:
    """Check that values fit together: name, value and layer of each that is set. Raises InvalidSetting."""

def log(level: int, text: str) -> None:
    """Write `text` as one record of the error log. `level` is one of the standard library's: 10 to 50."""

def write_errors(text: str) -> None:
    """Write `text` to the error log as it is, without time and level."""

def forked() -> None:
    """Note that this process was forked from a worker by its application."""

def beat() -> None:
    """Say that this worker makes progress."""

def drop_privileges() -> None:
    """Become the user and group of the settings. Raises OSError."""

def serve(worker: Any, app: Any) -> None:
    """Serve `app` with the engine until the worker is told to end."""

def requests() -> int:
    """Requests that this worker has begun, 0 in the master."""

def retire() -> None:
    """Have this worker replaced, after the requests that run. Nothing happens before it serves."""

def quit(code: int) -> None:
    """End this worker with exit code `code` as soon as the code that runs now lets it."""
