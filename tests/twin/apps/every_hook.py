"""A configuration file in which every hook notes that it was called, in which process, and what it was
given.
"""

import os

MASTER = os.getpid()
NOTES = os.path.join(os.getcwd(), "events.txt")


def note(hook, **facts):
    where = "master" if os.getpid() == MASTER else "worker"
    told = "".join(f" {name}={value!r}" for name, value in facts.items())
    with open(NOTES, "a") as file:
        file.write(f"{hook} in the {where}{told}\n")


def nworkers_changed(server, new, old):
    note("nworkers_changed", new=new, old=old)


def on_starting(server):
    note("on_starting", workers=len(server.WORKERS), own=server.pid == MASTER)


def when_ready(server):
    note("when_ready", address=type(server.address[0]).__name__)


def pre_fork(server, worker):
    note("pre_fork", age=worker.age, pid=worker.pid, timeout=worker.timeout, workers=server.num_workers)


def post_fork(server, worker):
    note(
        "post_fork",
        age=worker.age,
        own=worker.pid == os.getpid(),
        parent=worker.ppid == MASTER,
        alive=worker.alive,
    )


def post_worker_init(worker):
    note("post_worker_init", app=callable(worker.wsgi), nr=worker.nr, booted=worker.booted)


def pre_request(worker, req):
    note(
        "pre_request",
        method=req.method,
        uri=req.uri,
        path=req.path,
        query=req.query,
        version=req.version,
        scheme=req.scheme,
        headers=[header for header in req.headers if header[0] == "HOST"],
    )


def post_request(worker, req, environ, resp):
    note(
        "post_request",
        uri=req.uri,
        environ=environ["PATH_INFO"],
        status=resp.status,
        sent=resp.sent,
        code=getattr(resp, "status_code", None),
        length=resp.response_length,
        headers=[list(pair) for pair in resp.headers],
    )


def worker_int(worker):
    note("worker_int")


def worker_abort(worker):
    note("worker_abort")
    worker.notify()  # Gunicorn's master, which looks once a second, kills it at the next look otherwise


def worker_exit(server, worker):
    note("worker_exit", own=worker.pid == os.getpid())


def child_exit(server, worker):
    note("child_exit", age=worker.age)


def on_reload(server):
    note("on_reload", workers=len(server.WORKERS))


def on_exit(server):
    note("on_exit", workers=len(server.WORKERS))


def pre_exec(server):
    note("pre_exec")
