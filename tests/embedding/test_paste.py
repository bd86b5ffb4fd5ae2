"""PasteDeploy: `--paste FILE.ini`, and files that start the server (`[server:main]`)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness import Server, run_to_end
from harness.server import free_port

INI = """
[app:main]
paste.app_factory = pasted:factory
greeting = good day

[app:other]
paste.app_factory = pasted:factory
greeting = %(wish)s

[server:main]
use = egg:tricorn#main
host = 127.0.0.1
port = PORT
workers = 2
{more}
"""
PASTED = """
def factory(global_conf, greeting):
    def app(environ, start_response):
        start_response("200 OK", [])
        return [f"{greeting}, {global_conf.get('place')}".encode()]
    return app
"""
SERVE = """
import sys
from paste.deploy import loadapp, loadserver
uri = "config:" + sys.argv[1]
loadserver(uri)(loadapp(uri, global_conf={"wish": "hi"}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "site.ini").write_text(INI.format(more=""))
    (tmp_path / "pasted.py").write_text(PASTED)
    return tmp_path


@pytest.mark.parametrize(
    "location, expected", [("site.ini", b"good day, here"), ("site.ini#other", b"hello, here")]
)
@pytest.mark.parametrize("program", [None, (sys.executable, "-m", "tricorn.app.wsgiapp")])
def test_paste(folder: Path, location: str, expected: bytes, program: tuple[str, ...] | None) -> None:
    globals_ = ("--paste-global", "wish=hello", "--paste-global", "place=here")
    with Server("--paste", location, *globals_, "--pythonpath", ".", cwd=folder, command=program) as server:
        with server.client() as client:
            assert client.get("/").body == expected
        assert server.terminate() == 0


def test_the_path_is_seen_from_the_start(folder: Path, tmp_path: Path) -> None:
    (folder / "elsewhere").mkdir()
    paths = ("--pythonpath", str(folder), "--chdir", "elsewhere")
    checked = run_to_end("--check-config", "--paste", "site.ini", *paths, cwd=folder)
    assert (checked.code, checked.stderr) == (0, "")


def test_a_file_starts_the_server(folder: Path) -> None:
    port = free_port()
    (folder / "tricorn.conf.py").write_text(
        "def when_ready(server): print(server.cfg.proc_name, flush=True)\n"
    )
    text = (folder / "site.ini").read_text().replace("PORT", str(port)).replace("%(wish)s", "x")
    (folder / "site.ini").write_text(text)
    (folder / "serve.py").write_text(SERVE)
    command = (sys.executable, "serve.py", str(folder / "site.ini"))
    with Server(command=command, bind=None, cwd=folder, workers=2) as server:
        server.address = ("127.0.0.1", port)
        with server.client() as client:
            assert client.get("/").body == b"good day, None"
        server.stdout.catch_up()
        assert server.stdout.text() == f"{folder / 'site.ini'}\n"
        assert server.terminate() == 0


@pytest.mark.parametrize(
    "more, text",
    [
        ("nonsense = 1", "Error: No configuration setting for: nonsense"),
        ("timeout = soon", "invalid value for timeout: 'soon'"),
        ("config = no-such.py", "'no-such.py' doesn't exist"),
    ],
)
def test_a_wrong_server_section(folder: Path, more: str, text: str) -> None:
    (folder / "site.ini").write_text(INI.format(more=more).replace("%(wish)s", "x"))
    (folder / "serve.py").write_text(SERVE)
    finished = run_to_end(command=(sys.executable, "serve.py", str(folder / "site.ini")), cwd=folder)
    assert text in finished.stderr
    assert finished.code == 1


@pytest.mark.parametrize("program", [None, (sys.executable, "-m", "tricorn.app.wsgiapp")])
@pytest.mark.parametrize(
    "file, text",
    [(None, "site.ini' not found"), ("no section\n", "is no .ini file")],
)
def test_a_wrong_file(tmp_path: Path, file: str | None, text: str, program: tuple[str, ...] | None) -> None:
    if file is not None:
        (tmp_path / "site.ini").write_text(file)
    finished = run_to_end("--paste", "site.ini", bind="tcp", cwd=tmp_path, command=program)
    assert text in finished.stderr
    assert "Traceback" not in finished.stderr
    assert finished.code == 1
