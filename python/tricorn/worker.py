"""What hooks get as `worker`: one worker process as its attributes.

The bridge makes a Worker in the master before each fork, keeps it in `server.WORKERS`, and fills the child's
copy while the child boots. The serving itself is in Rust; it reads back `wsgi` and `max_requests` after
`post_worker_init`, and hears of `alive`.
"""

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .workers.workertmp import WorkerTmp

if TYPE_CHECKING:
    from .config import Config
    from .glogging import Logger
    from .listener import Listener

BOOTING = "[booting]"


@dataclass(kw_only=True, eq=False, repr=False)
class Worker:
    """A worker as hooks see it. Any further attribute can be set on it (profilers and ids are)."""

    age: int
    """The worker's number: the first has 1, each later one a higher number; never used twice."""
    cfg: "Config"
    log: "Logger"
    pid: int | str = BOOTING
    """Before the fork, in `pre_fork`, the text `[booting]`."""
    ppid: int = 0
    sockets: "list[Listener]" = field(default_factory=list)
    app: Any = None
    timeout: float = 15.0
    """Seconds: half of the setting, as Gunicorn has it."""
    booted: bool = False
    aborted: bool = False
    alive: bool = True
    """A hook that sets it to false has the worker replaced, after the requests that run."""
    max_requests: int = 0
    """After how many requests this worker is replaced, jitter included; 0 means never. Until the end of
    `post_worker_init` a hook may set it."""
    wsgi: Any = None
    """The application, once it is loaded. `post_worker_init` may replace it, by one that wraps it."""
    tmp: WorkerTmp = field(default_factory=WorkerTmp)
    reloader: Any = None

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "alive" and not value:
            retire(self)

    @property
    def nr(self) -> int:
        """Requests that this worker has begun. In the master's copy always 0."""
        if self.pid != os.getpid():
            return 0
        from . import _core  # not at import time: these modules are usable without the extension

        return _core.requests()

    def notify(self) -> None:
        """Say that the worker makes progress. The server says it by itself; hooks that are slow may
        say it too."""
        self.tmp.notify()

    def __str__(self) -> str:
        return f"<{type(self).__name__} {self.pid}>"

    __repr__ = __str__


def retire(worker: Any) -> None:
    """A hook has set `alive` to false: replace the worker, if it is this process and serves. One that still
    boots is asked later.
    """
    if worker.pid == os.getpid():
        from . import _core  # as above

        _core.retire()
