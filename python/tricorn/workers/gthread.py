"""The gthread worker as a class to derive from. The name `gthread` itself does not come here: it is all
Rust."""

from types import SimpleNamespace
from typing import Any, ClassVar

from ..message import Request
from .native import NativeWorker


class ThreadWorker(NativeWorker):
    """`threads` requests at a time, each on a thread of the engine."""

    NOT_CALLED: ClassVar[tuple[str, ...]] = (
        "accept",
        "handle",
        "enqueue_req",
        "finish_request",
        "get_thread_pool",
        "murder_keepalived",
        "reuse_connection",
    )

    def handle_request(self, req: Request, conn: Any) -> None:
        """Call the application, on a thread of the engine. An override calls this one; see SyncWorker's."""
        self.proceed(req)

    def _handle(self, call: Any, req: Request, client: Any, addr: Any) -> None:
        server = self.sockets[0].getsockname() if self.sockets else None
        self.handle_request(req, SimpleNamespace(sock=client, client=addr, server=server, cfg=self.cfg))
