"""`--reload`: workers are replaced when their files change, however the files change, and a mistake mends
itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Server, wait_until
from harness.client import Response
from harness.waiting import DeadlineError
from server.load import Load

Serve = Callable[..., Server]
APP = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "{length}")])
    return [b"{text}"]
"""
ENGINES = ("auto", "poll", "inotify")


class Project:
    """A folder with an application, and the ways in which editors save files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.save("site.py", says("one"), "in place")
        (folder / "site.py").rename(folder / "shop.py")

    def save(self, name: str, source: str, how: str = "renamed") -> None:
        path = self.folder / name
        new = self.folder / f"{name}.new"
        if how == "in place":
            path.write_text(source)
        elif how == "moved away":
            path.rename(self.folder / f"{name}~")
            path.write_text(source)
        else:
            new.write_text(source)
            if how == "older":
                # Before the file has its place: it must not look newer for a moment.
                os.utime(new, (1_000_000_000, 1_000_000_000))
            os.replace(new, path)


def says(text: str) -> str:
    return APP.format(text=text, length=len(text))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def ask(server: Server) -> Response:
    with server.client() as client:
        return client.get("/", {"Connection": "close"})


def wait_body(server: Server, body: bytes) -> None:
    wait_until(lambda: ask(server).body == body, f"the answer {body!r} ({server.stderr.text()[-2000:]})")


def reloading(serve: Serve, project: Project, *options: str, workers: int = 1) -> Server:
    server = serve("--reload", *options, "shop:app", cwd=project.folder, workers=workers)
    server.stderr.wait_for("Reloader is on. Use in development only!")
    return server


@pytest.mark.gunicorn_fails("Worker reloading: .*in stderr", case="older-poll")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("how", ["in place", "renamed", "moved away", "older"])
def test_saved_module(serve: Serve, project: Project, engine: str, how: str) -> None:
    server = reloading(serve, project, "--reload-engine", engine)
    assert ask(server).body == b"one"
    before = server.workers()
    project.save("shop.py", says("two"), how)
    path = project.folder / "shop.py"
    server.stderr.wait_for(rf"\[{before[0]}\] \[INFO\] Worker reloading: {path} modified")
    wait_body(server, b"two")
    assert len(server.wait_workers(1)) == 1
    assert server.workers() != before


@pytest.mark.parametrize("options", [("-k", "sync"), ("--threads", "4")])
def test_many_saves(serve: Serve, project: Project, options: tuple[str, ...]) -> None:
    """Of the same length within a second, with bytecode files that look alike."""
    env = {"PYTHONDONTWRITEBYTECODE": ""}
    server = serve("--reload", *options, "-w", "2", "shop:app", cwd=project.folder, workers=2, env=env)
    for text in ("two", "six", "ten"):
        project.save("shop.py", says(text))
        wait_body(server, text.encode())
        for _ in range(4):
            wait_body(server, text.encode())
        server.wait_workers(2)
    assert "ERROR" not in server.stderr.text()


def test_module_imported_later(serve: Serve, project: Project) -> None:
    project.save("late.py", "TEXT = b'one'")
    project.save(
        "shop.py",
        "def app(environ, start_response):\n    import late\n"
        "    start_response('200 OK', [('Content-Length', '3')])\n    return [late.TEXT]\n",
    )
    server = reloading(serve, project)
    assert ask(server).body == b"one"
    [before] = server.workers()
    # The list of files is made anew once a second; a file that nobody watches is saved in vain.
    folder = str(project.folder / "late.py")
    texts = iter(range(100, 1000))
    wait_until(
        lambda: project.save("late.py", f"TEXT = b'{next(texts)}'") or server.workers() != [before],
        "the end of the old worker",
    )
    server.stderr.wait_for(f"Worker reloading: {folder} modified")


@pytest.mark.parametrize("engine", ENGINES)
def test_extra_files(serve: Serve, project: Project, engine: str) -> None:
    """A path, a pattern, and a pattern that matches nothing until later."""
    (project.folder / "pages" / "deep").mkdir(parents=True)
    project.save("data.txt", "1", "in place")
    project.save("pages/deep/a.html", "1", "in place")
    extra = ("data.txt", "pages/**/*.html", "none/*.yml")
    options = [word for name in extra for word in ("--reload-extra-file", name)]
    server = reloading(serve, project, "--reload-engine", engine, *options)
    for name in ("data.txt", "pages/deep/a.html"):
        before = server.wait_workers(1)
        wait_body(server, b"one")
        mark = server.stderr.mark()
        number = iter(range(10, 1000))
        told = f"Worker reloading: {project.folder / name} modified"
        wait_until(
            lambda name=name, number=number, mark=mark, told=told: (
                project.save(name, str(next(number))) or told in server.stderr.text(mark)
            ),
            f"notice of {name}",
        )
        wait_until(lambda before=before: server.workers() not in ([], before), "another worker")


def test_file_behind_a_link(serve: Serve, project: Project) -> None:
    """As Kubernetes mounts a ConfigMap: a link to a folder, switched in one step."""
    for name in ("v1", "v2"):
        (project.folder / name).mkdir()
        (project.folder / name / "flags.yml").write_text(name)
    link = project.folder / "current"
    link.symlink_to("v1")
    server = reloading(serve, project, "--reload-extra-file", "current/flags.yml")
    before = server.workers()
    wait_body(server, b"one")
    os.symlink("v2", project.folder / "next")
    os.replace(project.folder / "next", link)
    wait_until(lambda: server.workers() not in ([], before), "another worker")


BROKEN = {
    "syntax": ("def app(:", "SyntaxError"),
    "name": ("undefined_name", "NameError: name 'undefined_name' is not defined"),
    "missing": ("other = 1", "Failed to find attribute 'app'"),
    "missing module": ("import not_there_yet\n" + says("two"), "No module named 'not_there_yet'"),
    "missing in a module": ("from helper import not_there_yet\n" + says("two"), "cannot import name"),
    "error in a module": ("from helper import broken\nbroken()", "ZeroDivisionError"),
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
}
MENDING = {
    "missing module": ("not_there_yet.py", ""),
    "missing in a module": ("helper.py", "not_there_yet = 1"),
    "error in a module": (
        "helper.py",
        says("two").replace("def app", "app = None\ndef broken(): pass\ndef x"),
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("when", ["at start", "later"])
def test_broken_application_is_a_page_and_mends_itself(
    serve: Serve, project: Project, kind: str, when: str
) -> None:
    """Gunicorn has the page for a SyntaxError only; everything else ends the server."""
    source, reason = BROKEN[kind]
    project.save("helper.py", "def broken(): 1 / 0")
    if when == "at start":
        project.save("shop.py", source)
    server = reloading(serve, project, "-w", "2", workers=2)
    if when == "later":
        project.save("shop.py", source)
    page = wait_until(lambda: (answer := ask(server)).status == 500 and answer, "the page")
    assert ("Content-Type", "text/plain; charset=utf-8") in page.headers
    assert reason.encode() in page.body
    assert b"Traceback" in page.body
    server.stderr.wait_for(reason)
    name, mended = MENDING.get(kind, ("shop.py", says("two")))
    project.save(name, mended)
    if kind == "error in a module":
        project.save("shop.py", says("two"))
    wait_until(lambda: ask(server).body == b"two", f"the mended one ({server.stderr.text()[-3000:]})")
    assert server.process.poll() is None


def test_import_that_hangs_is_mended(serve: Serve, project: Project) -> None:
    server = reloading(serve, project)
    project.save("shop.py", "import time\ntime.sleep(1000)")
    server.stderr.wait_for("Booting worker", count=2)
    wait_until(lambda: len(server.workers()) == 1, "the end of the old worker")
    # The new one looks at what it imports ten times a second.
    texts = iter(range(100, 1000))
    wait_until(
        lambda: project.save("shop.py", says(str(next(texts)))) or "Worker reloading" in _last(server),
        "notice of the new file",
        30.0,
    )
    wait_until(lambda: ask(server).status == 200, "the mended one")


def _last(server: Server) -> str:
    return server.stderr.text().rpartition("Booting worker")[2]


def test_long_request_does_not_hold_the_new_code_up(serve: Serve, project: Project) -> None:
    slow = (
        "import os, time\ndef app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Length', '3')])\n"
        "    open('began', 'w').close()\n"
        "    while not os.path.exists('go'): time.sleep(0.01)\n    return [b'old']\n"
    )
    project.save("shop.py", slow)
    server = reloading(serve, project)
    answers: list[bytes] = []
    thread = threading.Thread(target=lambda: answers.append(ask(server).body))
    thread.start()
    wait_until((project.folder / "began").exists, "the long request")
    project.save("shop.py", says("two"))
    wait_body(server, b"two")
    assert answers == []
    (project.folder / "go").touch()
    thread.join(20)
    assert answers == [b"old"]


def test_kept_connection_gets_no_old_answer(serve: Serve, project: Project) -> None:
    """A browser keeps its connection; a worker that is outdated gives it up instead of answering on it."""
    server = reloading(serve, project, "--keep-alive", "60")
    with server.client() as client:
        assert client.get("/").body == b"one"
        project.save("shop.py", says("two"))
        server.stderr.wait_for("Worker reloading")
        client.read_to_end()
    wait_body(server, b"two")


def test_hook_and_worker_object(serve: Serve, project: Project) -> None:
    project.save(
        "conf.py",
        "import sys\n"
        "def worker_int(worker):\n    sys.stderr.write(f'int {worker.pid} {worker.alive}\\n')\n"
        "def post_worker_init(worker):\n    worker.reloader.add_extra_file('added.txt')\n",
    )
    server = reloading(serve, project, "-c", "conf.py")
    [before] = server.workers()
    number = iter(range(10, 1000))
    wait_until(
        lambda: project.save("added.txt", str(next(number))) or "modified" in server.stderr.text(), "notice"
    )
    server.stderr.wait_for(rf"^int {before} False$")
    wait_until(lambda: server.workers() not in ([], [before]), "another worker")


def test_under_load(serve: Serve, project: Project) -> None:
    """New connections wait for the new worker; none is refused."""
    server = reloading(serve, project, "--keep-alive", "0", "-w", "2", workers=2)
    with Load(server) as load:
        for text in (b"two", b"six"):
            project.save("shop.py", says(text.decode()))
            wait_until(lambda text=text: load.answers[-1] == text, "the new answer")
            load.wait_answers(20)
    assert load.failures == []


def test_preload_is_ignored(serve: Serve, project: Project) -> None:
    server = reloading(serve, project, "--preload")
    server.stderr.wait_for("preload_app is ignored while reload is on")
    project.save("shop.py", says("two"))
    wait_body(server, b"two")


def test_nothing_happens_without_a_change(serve: Serve, project: Project) -> None:
    """Files that come and go beside the sources, and bytecode, are no reason."""
    server = reloading(serve, project, "--reload-engine", "inotify")
    before = server.workers()
    for number in range(20):
        project.save(f"other-{number}.txt", "x")
        assert ask(server).body == b"one"
    (project.folder / "shop.py").rename(project.folder / "away.py")
    (project.folder / "away.py").rename(project.folder / "shop.py")
    assert ask(server).body == b"one"
    assert server.workers() == before
    assert "modified" not in server.stderr.text()
    assert server.terminate() == 0


def test_no_watching_thread_without_it(serve: Serve, project: Project) -> None:
    from harness.processes import has_thread

    server = serve("shop:app", cwd=project.folder)
    assert not has_thread(server.workers()[0], "tricorn-reload")
    project.save("shop.py", says("two"))
    assert ask(server).body == b"one"


def test_hang_up_beside_it(serve: Serve, project: Project) -> None:
    server = reloading(serve, project)
    server.stderr.wait_for("Start complete")
    before = server.workers()
    server.signal(signal.SIGHUP)
    server.stderr.wait_for("Reload complete")
    wait_until(lambda: server.workers() not in ([], before), "another worker")
    project.save("shop.py", says("two"))
    wait_body(server, b"two")


ASGI = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        await send({{"type": "http.response.body", "body": b"{text}"}})
"""


def test_a_worker_class_with_a_server_of_its_own(serve: Serve, project: Project) -> None:
    """Gunicorn's uvicorn workers never notice."""
    project.save("shop.py", ASGI.format(text="one"))
    options = ("--reload", "-k", "uvicorn_worker.UvicornWorker", "shop:app")
    server = serve(*options, cwd=project.folder, ready="Start complete")
    assert ask(server).body == b"one"

    def answered(status: int, body: bytes) -> bool:
        # uvicorn closes what it has accepted and not begun when it ends.
        with contextlib.suppress(DeadlineError):
            answer = ask(server)
            return answer.status == status and answer.body == body
        return False

    project.save("shop.py", "app = undefined")
    wait_until(lambda: answered(500, b"Internal Server Error"), "the error")
    server.stderr.wait_for("NameError: name 'undefined' is not defined")
    project.save("shop.py", ASGI.format(text="two"))
    wait_until(lambda: answered(200, b"two"), "the mended one")
    assert server.terminate() == 0


CLASSES = """
import os
from tricorn.workers.base import Worker
from tricorn.workers.sync import SyncWorker

class Derived(SyncWorker):
    pass

class Own(Worker):
    def run(self):
        [listener] = self.sockets
        listener.settimeout(0.05)
        while self.alive:
            self.notify()
            if os.getppid() != self.ppid:
                return
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue
            client.settimeout(5)
            client.recv(4096)
            status = []
            body = b"".join(self.wsgi({}, lambda line, headers: status.append(line)))
            head = f"HTTP/1.1 {status[0]}\\r\\nConnection: close\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
            client.sendall(head.encode() + body)
            client.close()
"""


@pytest.mark.parametrize("name", ["Derived", "Own"])
def test_a_worker_class_of_the_users(serve: Serve, project: Project, name: str) -> None:
    project.save("classes.py", CLASSES)
    server = serve(
        "--reload", "-k", f"classes.{name}", "shop:app", cwd=project.folder, ready="Start complete"
    )
    assert ask(server).body == b"one"
    for broken, two in (("import nothing_like_it", b"two"), ("def (", b"six")):
        project.save("shop.py", broken)
        page = wait_until(lambda: (answer := ask(server)).status == 500 and answer, "the page")
        assert b"Traceback" in page.body
        project.save("shop.py", says(two.decode()))
        wait_body(server, two)
    assert server.terminate() == 0
