"""The signals of a worker that have Python handlers: INT and QUIT (end now) and ABRT (the master's
patience is over).

The bridge calls `install_dump` in each worker before the application is loaded, and `install` after it. TERM
and USR1 are handled in Rust. A handler runs in the main thread: in a sync worker inside the application's
code, whose traceback then shows where it was.
"""

import faulthandler
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

Hook = Callable[[Any], object] | None
Handler = Callable[[int, FrameType | None], NoReturn]


def install_dump(dump_signal: int, dump_fd: int) -> None:
    """Let `dump_signal` write the stacks of all threads to `dump_fd`, also while C code holds the GIL.

    Called before the application is loaded: an import may hang too.
    """
    faulthandler.register(dump_signal, file=dump_fd, all_threads=True, chain=False)


def install(worker: Any, worker_int: Hook, worker_abort: Hook, wakeup_fd: int) -> None:
    """Install the handlers.

    `wakeup_fd` gets a byte for each signal, so that a thread that waits in Rust can be woken.
    """
    signal.set_wakeup_fd(wakeup_fd, warn_on_full_buffer=False)
    end_now = _ending(worker, worker_int, code=0)
    signal.signal(signal.SIGINT, end_now)
    signal.signal(signal.SIGQUIT, end_now)
    signal.signal(signal.SIGABRT, _ending(worker, worker_abort, code=1))
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGABRT):
        signal.siginterrupt(number, False)


def _ending(worker: Any, hook: Hook, *, code: int) -> Handler:
    def handler(signum: int, frame: FrameType | None) -> NoReturn:
        from . import _core

        # In this order: the end of a worker that quits is no retirement.
        _core.quit(code)
        worker.alive = False
        try:
            if hook is not None:
                hook(worker)
        except Exception:
            # The worker ends all the same: whoever asked for it does not wait.
            worker.log.exception("Exception in the hook of %s", signal.Signals(signum).name)
        finally:
            raise SystemExit(code)

    return handler
