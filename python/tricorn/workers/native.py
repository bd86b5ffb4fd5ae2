"""What SyncWorker and ThreadWorker share: `run` hands the process over to the engine, in Rust.

Accepting, parsing, sending and keeping connections is native, so an override of a method that Gunicorn's
workers have for these (`accept`, `handle`, ...) is not called; a warning at start says so. What can be
overridden: `__init__`, `init_process`, `init_signals`, `load_wsgi`, `notify`, the handlers of INT, QUIT and
ABRT, `handle_request`, and `run` as a whole.
"""

import signal
import threading
from collections.abc import Callable
from typing import Any, ClassVar

from ..message import Request
from ..worker import retire
from .base import Worker

START = Callable[..., Any]

BEAT_EVERY_S = 1.0
"""How often an overridden `notify` is called while no request comes."""


class NativeWorker(Worker):
    """A worker class whose requests are served by the engine."""

    NOT_CALLED: ClassVar[tuple[str, ...]] = ()
    """Methods of Gunicorn's class that have no part in this one."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "alive" and not value:
            retire(self)

    def run(self) -> None:
        """Serve until the worker is told to end."""
        from .. import _core

        if not self.alive:
            return  # told to end while it loaded
        self._warn_of_overrides()
        stopped = threading.Event()
        if self._overrides("notify"):
            threading.Thread(target=self._beat, args=(stopped,), daemon=True).start()
        try:
            _core.serve(self, self.served_app())
        finally:
            stopped.set()

    @property
    def nr(self) -> int:
        """Requests of this process so far."""
        from .. import _core

        return _core.requests()

    @nr.setter
    def nr(self, number: int) -> None:
        # Counted by the engine; Gunicorn's code assigns, and loses nothing by it here.
        pass

    def served_app(self) -> Any:
        """What the engine calls: the application, or our own call round it if `handle_request` is
        overridden."""
        if not (self._overrides("handle_request") or self._overrides("notify")):
            return self.wsgi
        return self._serve_one

    def proceed(self, req: Any) -> None:
        """Call the application for `req`; its response is sent when `handle_request` has returned."""
        call: _Call = req.call
        call.result = self.wsgi(call.environ, call.start_response)
        call.is_answered = True

    def _serve_one(self, environ: dict[str, Any], start_response: START) -> Any:
        if self._overrides("notify"):
            self.notify()
        if not self._overrides("handle_request"):
            return self.wsgi(environ, start_response)
        call = _Call(environ, start_response)
        self._handle(call, request_of(environ, call), environ["gunicorn.socket"], address_of(environ))
        if not call.is_answered:
            # The override has spoken to the client by itself: the server says nothing more.
            raise StopIteration
        return call.result

    def _handle(self, call: "_Call", req: Request, client: Any, addr: Any) -> None:
        """Call `handle_request` with the arguments of its class."""
        raise NotImplementedError

    def _overrides(self, name: str) -> bool:
        """Whether the method is a user's."""
        method = getattr(type(self), name)
        return not method.__module__.startswith("tricorn.workers.")

    def _warn_of_overrides(self) -> None:
        ignored = [name for name in self.NOT_CALLED if hasattr(type(self), name)]
        if ignored:
            self.log.warning(
                "%s: %s: not called, the engine does this by itself", type(self).__name__, ", ".join(ignored)
            )

    def _beat(self, stopped: threading.Event) -> None:
        while not stopped.wait(min(BEAT_EVERY_S, self.timeout or BEAT_EVERY_S)):
            try:
                self.notify()
            except Exception:
                self.log.exception("notify() of the worker class failed")


def on_quit(worker: Worker) -> None:
    """INT or QUIT has come."""
    worker.handle_quit(signal.SIGQUIT, None)


def on_abort(worker: Worker) -> None:
    """ABRT has come."""
    worker.handle_abort(signal.SIGABRT, None)


class _Call:
    """One request on its way through an overridden `handle_request`."""

    def __init__(self, environ: dict[str, Any], start_response: START) -> None:
        self.environ = environ
        self.start_response = start_response
        self.result: Any = None
        self.is_answered = False


def request_of(environ: dict[str, Any], call: _Call) -> Request:
    """The request object of an environ."""
    major, _, minor = environ["SERVER_PROTOCOL"].removeprefix("HTTP/").partition(".")
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-"), value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    ]
    uri = environ["RAW_URI"]
    req = Request(
        method=environ["REQUEST_METHOD"],
        uri=uri,
        path=uri.partition("?")[0],
        query=environ["QUERY_STRING"],
        version=(int(major), int(minor or 0)),
        headers=headers,
        scheme=environ["wsgi.url_scheme"],
        remote_addr=address_of(environ),
        peer_addr=address_of(environ),
    )
    req.body = environ["wsgi.input"]  # type: ignore[attr-defined]
    req.call = call  # type: ignore[attr-defined]
    return req


def address_of(environ: dict[str, Any]) -> Any:
    """The client's address as sockets tell it; empty on a unix socket."""
    port = environ.get("REMOTE_PORT")
    return (environ["REMOTE_ADDR"], int(port)) if port else environ.get("REMOTE_ADDR", "")
