"""What a process that the application forks from a worker must give up (os.fork, multiprocessing).

The bridge calls `install` in each worker. The child shares every descriptor with the worker: with the
listeners
it would keep the port, with the epoll it would steal events, and a signal meant for it would reach the
worker.
"""

import contextlib
import os
import signal
from collections.abc import Sequence

OURS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT, signal.SIGUSR1)


def install(descriptors: Sequence[int]) -> None:
    """Have every forked child close `descriptors`, forget our signal handlers, and stay out of the server.

    Signals wait while the two processes part: one that the parent sends at once must not find our handler.
    """
    masks: list[set[int]] = []

    def before() -> None:
        masks.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, OURS)))

    def in_parent() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.pop())

    def in_child() -> None:
        from . import _core

        _core.forked()
        with contextlib.suppress(
            ValueError
        ):  # not in the main thread of the main interpreter: it has no handlers
            signal.set_wakeup_fd(-1)
            for number in OURS:
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
        for descriptor in descriptors:
            with contextlib.suppress(OSError):  # the application may have closed it
                os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.pop())

    os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)
