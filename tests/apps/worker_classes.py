"""Worker classes, under the names that users write: derived from Gunicorn's, which are ours."""

import json
import os
import select
import sys

from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import ThreadWorker
from gunicorn.workers.sync import SyncWorker

ATTRIBUTES = [
    "age",
    "pid",
    "ppid",
    "sockets",
    "app",
    "timeout",
    "cfg",
    "booted",
    "aborted",
    "alive",
    "nr",
    "max_requests",
    "log",
    "tmp",
    "reloader",
    "wsgi",
    "wait_fds",
    "PIPE",
    "notify",
    "handle_error",
    "init_process",
    "init_signals",
    "load_wsgi",
    "run",
]


class Plain(Worker):
    """Accepts, answers one line about itself, closes."""

    def run(self):
        while self.alive:
            self.notify()
            ready, _, _ = select.select(self.wait_fds, [], [], 0.2)
            for listener in ready:
                if listener is self.PIPE[0]:
                    os.read(listener, 64)
                    continue
                try:
                    client, _ = listener.accept()
                except BlockingIOError:
                    continue
                client.setblocking(True)
                with client:
                    client.recv(65536)
                    self.nr += 1
                    self.answer(client)

    def answer(self, client):
        missing = [name for name in ATTRIBUTES if not hasattr(self, name)]
        said = {"missing": missing, "pid": self.pid, "age": self.age, "app": self.wsgi.__name__}
        said |= {"sockname": self.sockets[0].getsockname(), "cfg_addr": self.sockets[0].cfg_addr}
        said |= {"booted": self.booted, "timeout": self.timeout, "workers": self.cfg.workers}
        body = json.dumps(said).encode()
        client.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
        )


class Alone(Plain):
    """Does not call our `init_process`: it is ready when it first beats."""

    def init_process(self):
        self.PIPE = os.pipe()
        os.set_blocking(self.PIPE[1], False)
        self.wait_fds = [*self.sockets, self.PIPE[0]]
        self.init_signals()
        self.load_wsgi()
        self.run()


class Forgetful(Plain):
    """Beats once, and never again."""

    def run(self):
        self.notify()
        print("forgetful", flush=True)
        while True:
            select.select([], [], [], 60)


class Failing(Plain):
    """Answers with what an exception makes of it."""

    def answer(self, client):
        try:
            raise KeyError("answering")
        except KeyError as error:
            self.handle_error(None, client, None, error)


class Raising(Plain):
    """Raises while it serves."""

    def answer(self, client):
        raise RuntimeError("the worker class failed while it served")


class Unable(Plain):
    """Raises while it boots."""

    def init_process(self):
        raise RuntimeError("the worker class failed to boot")


class Leaving(Plain):
    """Exits while it boots, as UvicornWorker does when its server does not start."""

    def init_process(self):
        sys.exit(4)


def plain():
    """A configuration may give a function that returns the class."""
    return Plain


class Timed(SyncWorker):
    """Overrides what one may override of the sync worker."""

    def init_process(self):
        self.log.info("own init_process")
        super().init_process()

    def load_wsgi(self):
        super().load_wsgi()
        inner = self.wsgi
        self.wsgi = lambda environ, start_response: inner({**environ, "own.load_wsgi": "yes"}, start_response)

    def notify(self):
        super().notify()
        if not hasattr(self, "has_said"):
            self.has_said = True
            self.log.info("own notify")

    def handle_request(self, listener, req, client, addr):
        self.log.info("before %s %s", req.method, req.path)
        super().handle_request(listener, req, client, addr)
        self.log.info("after %s nr=%s addr=%s", req.path, self.nr, addr[0])

    def handle_quit(self, sig, frame):
        self.log.info("own handle_quit")
        super().handle_quit(sig, frame)


class Bare(SyncWorker):
    """Overrides nothing."""


class Threaded(ThreadWorker):
    """The same for threads."""

    def handle_request(self, req, conn):
        self.log.info("before %s %s", req.path, conn.client[0])
        super().handle_request(req, conn)


class Direct(SyncWorker):
    """Speaks to the client by itself."""

    def handle_request(self, listener, req, client, addr):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\ndirect")


class Accepting(SyncWorker):
    """Overrides what has no part in ours."""

    def accept(self, listener):
        raise AssertionError("never called")


class OwnLoop(SyncWorker):
    """Overrides `run` as a whole."""

    run = Plain.run
    answer = Plain.answer
    nr = 0
