"""The class that worker classes are derived from: Gunicorn's `gunicorn.workers.base.Worker`.

The bridge makes an instance in the master before each fork, and calls `init_process` in the child. The
instance serves by itself: it accepts on `sockets`, calls `notify` in time, and returns from `run` when
`alive` is false. Supervision, logs and hooks are the server's. `sync` and `gthread` derive classes whose
`run` is native.
"""

import contextlib
import os
import random
import signal
import sys
import traceback
from types import FrameType
from typing import Any, ClassVar

from .workertmp import WorkerTmp

BOOTING = "[booting]"


class Worker:
    """A worker process, from its own point of view."""

    SIGNALS: ClassVar[list[signal.Signals]] = [
        getattr(signal, f"SIG{name}")
        for name in ["ABRT", "HUP", "QUIT", "INT", "TERM", "USR1", "USR2", "WINCH", "CHLD"]
    ]
    PIPE: Any = ()

    def __init__(
        self, age: int, ppid: int, sockets: Any, app: Any, timeout: float, cfg: Any, log: Any
    ) -> None:
        """Called in the master, before the fork: what concerns the process belongs into `init_process`.

        `timeout` is half of the setting, in seconds.
        """
        self.age = age
        self.pid: int | str = BOOTING
        self.ppid = ppid
        self.sockets = sockets
        self.app = app
        self.timeout = timeout
        self.cfg = cfg
        self.log = log
        self.booted = False
        self.aborted = False
        self.alive = True
        self.reloader: Any = None
        self.nr = 0
        self.max_requests = sys.maxsize
        if cfg.max_requests > 0:
            self.max_requests = cfg.max_requests + random.randint(0, cfg.max_requests_jitter)
        self.tmp: Any = WorkerTmp(cfg)
        self.wsgi: Any = None
        self.wait_fds: list[Any] = []

    def __str__(self) -> str:
        return f"<Worker {self.pid}>"

    def notify(self) -> None:
        """Say that this worker makes progress; owed once in every `timeout` seconds."""
        self.tmp.notify()

    def run(self) -> None:
        """Serve until `alive` is false. To be overridden."""
        raise NotImplementedError

    def init_process(self) -> None:
        """Make this process a worker, and run it. An override calls this one last: it returns when
        all is over.

        The worker counts as ready, and may be replaced by a reload, when it calls `notify` for the
        first time.
        """
        from .. import _core

        os.environ.update(self.cfg.env)
        _core.drop_privileges()
        random.seed()
        self.PIPE = os.pipe()
        for end in self.PIPE:
            os.set_blocking(end, False)
        self.wait_fds = [*self.sockets, self.PIPE[0]]
        self.log.close_on_exec()
        self.init_signals()
        self.load_wsgi()
        self.cfg.post_worker_init(self)
        self.booted = True
        self.run()

    def load_wsgi(self) -> None:
        """Load the application into `wsgi`. With `reload`, one that cannot be loaded is a page that says so,
        until its files change.
        """
        try:
            self.wsgi = self.app.wsgi()
        except BaseException as error:
            if self.reloader is None or not self.alive:
                raise
            self.log.error(
                "The application cannot be loaded; waiting for its files to change\n%s",
                "".join(traceback.format_exception(error)).rstrip(),
            )
            self.wsgi = self.reloader.failure_app(error)

    # Signals

    def init_signals(self) -> None:
        """Install the handlers below."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        # The master's business; `pkill -HUP` must not end a worker.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        signal.signal(signal.SIGQUIT, self.handle_quit)
        signal.signal(signal.SIGINT, self.handle_quit)
        signal.signal(signal.SIGTERM, self.handle_exit)
        signal.signal(signal.SIGWINCH, self.handle_winch)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.signal(signal.SIGABRT, self.handle_abort)
        # Requests that run are not disturbed by these two.
        signal.siginterrupt(signal.SIGTERM, False)
        signal.siginterrupt(signal.SIGUSR1, False)
        signal.set_wakeup_fd(self.PIPE[1], warn_on_full_buffer=False)

    def handle_usr1(self, sig: int, frame: FrameType | None) -> None:
        """Open the log files anew."""
        self.log.reopen_files()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """TERM: finish what runs."""
        self.alive = False

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """INT and QUIT: end now."""
        self.alive = False
        self.cfg.worker_int(self)
        sys.exit(0)

    def handle_abort(self, sig: int, frame: FrameType | None) -> None:
        """ABRT: the master's patience is over."""
        self.alive = False
        self.cfg.worker_abort(self)
        sys.exit(1)

    def handle_winch(self, sig: int, frame: FrameType | None) -> None:
        """Every resize of a terminal sends WINCH."""
        self.log.debug("worker: SIGWINCH ignored.")

    # Errors

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Log an exception that ended a request, and answer with an error page."""
        label = " ".join(str(getattr(req, name)) for name in ("method", "uri") if hasattr(req, name))
        lines = traceback.format_exception(type(exc), exc, exc.__traceback__)
        self.log.error("Error handling request %s\n%s", label or "(no URI read)", "".join(lines).rstrip())
        with contextlib.suppress(OSError):  # the client is gone
            client.sendall(error_page(500, "Internal Server Error"))


def error_page(status: int, reason: str) -> bytes:
    """A whole response."""
    body = f"<html><head><title>{reason}</title></head><body><h1><p>{reason}</p></h1></body></html>\n"
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: text/html\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()
