"""One listening socket as hooks and worker classes see it: in `server.LISTENERS` and `worker.sockets`.

The bridge makes them from the master's sockets. They are a view: closing one closes nothing of the master's.
A socket object over a duplicate of the descriptor is made when something first asks for one.
"""

import os
import socket
from collections.abc import Iterable
from functools import cached_property
from typing import Any


class Listener:
    """One listening socket of the master. What is not here is the socket object's: `accept`, `family` ..."""

    def __init__(self, fd: int, cfg_addr: Any = None, url: str = "") -> None:
        """`url` is the address as the log prints it: `http://127.0.0.1:8000`, `unix:/run/app.sock`."""
        self.fd = fd
        self.url = url
        self._cfg_addr = cfg_addr

    @cached_property
    def sock(self) -> socket.socket:
        """A socket object over a duplicate of the descriptor, made when first asked for."""
        return socket.socket(fileno=os.dup(self.fd))

    @property
    def cfg_addr(self) -> Any:
        """The address it was made for: `(host, port)`, or a path."""
        return self.getsockname() if self._cfg_addr is None else self._cfg_addr

    def fileno(self) -> int:
        """The master's descriptor, as the worker inherits it."""
        return self.fd

    def getsockname(self) -> Any:
        """The bound address as the kernel tells it."""
        return self.sock.getsockname()

    def close(self) -> None:
        """Close this object's duplicate; the master goes on listening."""
        if "sock" in vars(self):
            self.sock.close()

    def __getattr__(self, name: str) -> Any:
        # Not for private names: they are ours, and looked for while an object is put together.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.sock, name)

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.fd} {self.url}>"


def listeners(before: Iterable[Listener], present: Iterable[tuple[int, str]]) -> list[Listener]:
    """A view for each descriptor and its text; one of `before` that is still right is kept."""
    known = {(view.fd, view.url): view for view in before}
    return [known.get((fd, url)) or Listener(fd, url=url) for fd, url in present]
