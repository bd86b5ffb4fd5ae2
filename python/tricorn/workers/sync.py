"""The sync worker as a class to derive from. The name `sync` itself does not come here: it is all Rust."""

from typing import Any, ClassVar

from ..message import Request
from .native import NativeWorker


class SyncWorker(NativeWorker):
    """One request at a time, on the main thread."""

    NOT_CALLED: ClassVar[tuple[str, ...]] = (
        "accept",
        "handle",
        "wait",
        "is_parent_alive",
        "run_for_one",
        "run_for_multiple",
    )

    def handle_request(self, listener: Any, req: Request, client: Any, addr: Any) -> None:
        """Call the application. An override calls this one, before or after its own work.

        What the application returned is iterated, sent and closed after `handle_request` has returned.
        """
        self.proceed(req)

    def _handle(self, call: Any, req: Request, client: Any, addr: Any) -> None:
        listener = self.sockets[0] if self.sockets else None
        self.handle_request(listener, req, client, addr)
