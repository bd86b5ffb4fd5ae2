"""The master as Python code knows it, under Gunicorn's name: what hooks get as `server`, and what an
embedding program runs or subclasses.

The supervision is in Rust and reads none of these attributes; the bridge keeps them current before each
hook. What is asked of the master goes the way an operator's request goes. A subclass that overrides the
handling of a signal (`handle_hup`, or what it calls: `reload`, `stop`, `halt`, `reexec`) is called by the
master when the signal comes; when it calls the method of this class, the master does what the signal means,
and else it does nothing.
"""

import contextlib
import os
import queue
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from .core_log import CoreLogger
from .errors import HaltServer
from .glogging import Logger

if TYPE_CHECKING:
    from .config import Config
    from .listener import Listener
    from .worker import Worker

# Which method besides its handler decides about a signal.
_DECIDES = {
    "hup": ("reload",),
    "term": ("halt", "stop"),
    "int": ("stop",),
    "quit": ("stop",),
    "usr2": ("reexec",),
}

# What the master does by itself; overriding these changes nothing.
_NOT_CALLED = [
    "start",
    "init_signals",
    "maybe_promote_master",
    "wait_for_signals",
    "murder_workers",
    "reap_workers",
    "manage_workers",
    "spawn_worker",
    "spawn_workers",
    "signal",
    "signal_chld",
    "kill_workers",
    "kill_worker",
]


class Arbiter:
    """The master. Any further attribute can be set on it."""

    WORKER_BOOT_ERROR: ClassVar[int] = 3
    APP_LOAD_ERROR: ClassVar[int] = 4
    SIGNALS: ClassVar[list[signal.Signals]] = [
        getattr(signal, f"SIG{name}")
        for name in ["HUP", "QUIT", "INT", "TERM", "TTIN", "TTOU", "USR1", "USR2", "WINCH"]
    ]
    """The signals that the master takes. One that is removed before `run` keeps what it had."""
    SIG_NAMES: ClassVar[dict[int, str]] = {number: number.name[3:].lower() for number in signal.Signals}

    START_CTX: dict[Any, Any]
    LISTENERS: "list[Listener]"
    WORKERS: "dict[int, Worker]"

    app: Any
    cfg: "Config"
    address: list[Any]
    timeout: int
    """Seconds."""
    worker_class: Any
    proc_name: str

    def __init__(self, app: Any) -> None:
        from . import _core

        self._log: Logger | None = None
        self._num_workers: int | None = None
        self._handling: int | None = None
        self._is_passed_on = False
        self._exit_status: int | None = None
        self.SIG_QUEUE: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.LISTENERS = []
        self.WORKERS = {}
        self.pid = 0
        self.master_pid = 0
        """The pid of the master that this one was re-executed from, 0 if none."""
        self.reexec_pid = 0
        self.master_name = "Master"
        self.systemd = False
        self.worker_age = 0
        """How many workers were started so far."""
        self.dirty_arbiter_pid = 0
        self.setup(app)
        self.START_CTX = _core.start_context()

    def setup(self, app: Any) -> None:
        """Take everything from `app` and its `cfg`; called again when a reload has read them anew."""
        self.app = app
        self.cfg = app.cfg
        self.address = self.cfg.address
        self.timeout = self.cfg.timeout
        self.worker_class = self.cfg.worker_class_str
        self.proc_name = self.cfg.proc_name
        self.pidfile = self.cfg.pidfile
        if self.pid:
            self.cfg.finish()
        else:
            self._num_workers = self.cfg.workers

    @property
    def log(self) -> Logger:
        """The error log; on standard error as long as the server has not begun."""
        if self._log is None:
            self._log = CoreLogger(self.cfg)
        return self._log

    @log.setter
    def log(self, log: Logger) -> None:
        self._log = log

    @property
    def num_workers(self) -> int | None:
        """How many workers there shall be. Assigning to it in the master changes it."""
        return self._num_workers

    @num_workers.setter
    def num_workers(self, value: int) -> None:
        if not self.pid:
            self.cfg.set("workers", value)
            self._num_workers = self.cfg.workers
        elif self.pid == os.getpid():
            from . import _core

            _core.ask_workers(value)

    def run(self) -> NoReturn:
        """Serve until the server is told to stop, then exit with its exit code.

        Raises RuntimeError if this process serves already, or nothing says what to serve.
        """
        from . import _core

        _see_that_it_can_load(self.app)
        self.cfg.finish()
        for name in _NOT_CALLED:
            if getattr(type(self), name) is not getattr(Arbiter, name):
                self.log.warning(
                    "%s.%s is not called: the master does this by itself", type(self).__qualname__, name
                )
        code = _core.run(self, getattr(self.app, "may_detach", False))
        sys.exit(code or self._exit_status or 0)

    # What the master is asked. It happens after the hook or the handler has returned.

    def reload(self) -> None:
        """Ask the master to reload, as HUP does."""
        self._ask(signal.SIGHUP)

    def stop(self, graceful: bool = True) -> None:
        """Ask the master to stop, as TERM does, or as QUIT does."""
        self._ask(signal.SIGTERM if graceful else signal.SIGQUIT)

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """Ask the master to stop, as TERM does, and the process to end with `exit_status`."""
        if reason is not None:
            self.log.info("Shutting down: %s (%s)", self.master_name, reason)
        self._exit_status = exit_status
        self.stop()

    def reexec(self) -> None:
        """Ask the master to start its successor, as USR2 does."""
        self._ask(signal.SIGUSR2)

    def signal(self, sig: int, frame: object = None) -> None:
        """Ask the master to do what a signal means."""
        self._send(sig)

    signal_chld = signal

    def kill_worker(self, pid: int, sig: int) -> None:
        """Send `sig` to a worker. A pid that is not in WORKERS is ignored: it may be anybody's by now."""
        if pid in self.WORKERS:
            with contextlib.suppress(ProcessLookupError):  # ended, and not yet reaped by the master
                os.kill(pid, sig)

    def kill_workers(self, sig: int) -> None:
        """Send `sig` to every worker."""
        for pid in list(self.WORKERS):
            self.kill_worker(pid, sig)

    # What each signal does, for subclasses.

    def handle_hup(self) -> None:
        """Reload."""
        self.reload()

    def handle_term(self) -> None:
        """Stop gracefully."""
        self.halt()

    def handle_int(self) -> None:
        """Stop at once."""
        self.stop(False)

    def handle_quit(self) -> None:
        """Stop at once."""
        self.stop(False)

    def handle_ttin(self) -> None:
        """One more worker."""
        self._ask(signal.SIGTTIN)

    def handle_ttou(self) -> None:
        """One worker less."""
        self._ask(signal.SIGTTOU)

    def handle_usr1(self) -> None:
        """Open the log files again."""
        self._ask(signal.SIGUSR1)

    def handle_usr2(self) -> None:
        """Start the successor of this program."""
        self.reexec()

    def handle_winch(self) -> None:
        """Stop the workers of a daemon."""
        self._ask(signal.SIGWINCH)

    def handle_chld(self) -> None:
        """See which worker has ended."""
        self._ask(signal.SIGCHLD)

    # What the master does by itself. These exist for programs that call them.

    def _by_itself(self, *arguments: object, **options: object) -> None:
        """The master does this by itself, at the right moment."""

    start = init_signals = maybe_promote_master = wait_for_signals = murder_workers = _by_itself
    reap_workers = manage_workers = spawn_workers = spawn_worker = wakeup = _by_itself

    # For the bridge.

    def leaves(self, sig: int) -> bool:
        """Whether the master leaves this signal alone."""
        return sig not in self.SIGNALS and sig != signal.SIGCHLD

    def takes(self, sig: int) -> bool:
        """Hear of a signal. False: the master does nothing about it."""
        name = self.SIG_NAMES[sig]
        handler: Callable[[], None] = getattr(self, f"handle_{name}")
        if not any(self._is_overridden(method) for method in (f"handle_{name}", *_DECIDES.get(name, ()))):
            return True
        self._handling, self._is_passed_on = sig, False
        try:
            handler()
        except (StopIteration, KeyboardInterrupt):
            self._send(signal.SIGTERM)
        except HaltServer as halt:
            self.log.error("Shutting down: %s (%s)", self.master_name, halt.reason)
            self._exit_status = halt.exit_status
            self._send(signal.SIGTERM)
        finally:
            self._handling = None
        return self._is_passed_on

    def _is_overridden(self, method: str) -> bool:
        return method in vars(self) or getattr(type(self), method) is not getattr(Arbiter, method)

    def _ask(self, sig: int) -> None:
        # Of INT and QUIT the master means the same.
        if self._handling == sig or (self._handling, sig) == (signal.SIGINT, signal.SIGQUIT):
            self._is_passed_on = True
        else:
            self._send(sig)

    def _send(self, sig: int) -> None:
        # kill(2) gives 0 a meaning: the whole process group.
        if self.pid > 0:
            os.kill(self.pid, sig)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} pid={self.pid} workers={len(self.WORKERS)}>"


def _see_that_it_can_load(app: Any) -> None:
    from .app.base import BaseApplication

    program = type(app)
    loads = getattr(program, "load", None), getattr(program, "wsgi", None)
    if loads == (BaseApplication.load, BaseApplication.wsgi) and "load" not in vars(app):
        raise RuntimeError(f"{program.__qualname__} does not define load(): there is nothing to serve")
