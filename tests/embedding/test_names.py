"""The import name `gunicorn` in processes that the command `tricorn` runs, without the alias distribution."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from harness import Server, run_to_end

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gunicorn") is not None,
    reason="a package gunicorn is installed beside the tests",
)

IMPORTS = """
import importlib, sys

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        names = {}
        exec(environ["QUERY_STRING"].replace("+", " ").replace("%0A", "\\n"), names)
        return [repr(names.get("result")).encode()]
    except Exception as error:
        return [f"{type(error).__name__}: {error}".encode()]
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("names")
    (folder / "imports.py").write_text(IMPORTS)
    config = "import sys\nassert 'gunicorn' not in sys.modules\nfrom gunicorn.arbiter import Arbiter\n"
    (folder / "gunicorn.conf.py").write_text(config)
    with Server("imports", cwd=folder) as server:

        def ask(code: str) -> str:
            with server.client() as client:
                return client.get("/?" + code.replace(" ", "+").replace("\n", "%0A")).body.decode()

        yield ask
        assert server.terminate() == 0


@pytest.mark.parametrize(
    "name, ours",
    [
        ("app.base", "app.base"),
        ("app.wsgiapp", "app.wsgiapp"),
        ("app.pasterapp", "app.pasterapp"),
        ("arbiter", "arbiter"),
        ("config", "config"),
        ("errors", "errors"),
        ("glogging", "glogging"),
    ],
)
def test_a_module_has_both_names(answers, name: str, ours: str) -> None:
    code = f"import gunicorn.{name} as a, tricorn.{ours} as b\nresult = a is b and a.__spec__.name"
    assert answers(code) == repr(f"tricorn.{ours}")


@pytest.mark.parametrize(
    "code, expected",
    [
        ("from gunicorn.app.base import BaseApplication as a", "None"),
        ("from gunicorn import version_info, __version__\nresult = version_info, __version__", None),
        ("import gunicorn\nresult = gunicorn.SERVER, gunicorn.__name__", "('tricorn', 'gunicorn')"),
        ("from gunicorn import arbiter, http\nresult = arbiter.__name__", "'tricorn.arbiter'"),
        ("from gunicorn.http.wsgi import Response, FileWrapper", "None"),
        ("from gunicorn.http.errors import NoMoreData, InvalidRequestLine, LimitRequestLine", "None"),
        (
            "from gunicorn.http.message import Request\nimport gunicorn.http as b\nresult = b.Request",
            "<class 'tricorn.message.Request'>",
        ),
        ("from gunicorn.util import parse_address\nresult = parse_address('h:1')", "('h', 1)"),
        ("from gunicorn import util\nresult = util.load_class(int)", "<class 'int'>"),
        ("from gunicorn.sock import BaseSocket, TCPSocket", "None"),
        ("from gunicorn.errors import HaltServer, AppImportError, ConfigError", "None"),
        ("from gunicorn.arbiter import Arbiter\nresult = Arbiter.WORKER_BOOT_ERROR", "3"),
        ("import gunicorn.no_such", "ModuleNotFoundError: No module named 'gunicorn.no_such'"),
        ("import gunicorn.functions", "ModuleNotFoundError: No module named 'gunicorn.functions'"),
        ("import gunicorn.loader", "ModuleNotFoundError: No module named 'gunicorn.loader'"),
        ("import importlib.util as u\nresult = u.find_spec('gunicorn.pidfile')", "None"),
        (
            "import tricorn.config as c, importlib\nresult = importlib.reload(c) is c",
            "True",
        ),
    ],
)
def test_what_programs_import(answers, code: str, expected: str | None) -> None:
    assert answers(code) == (expected or "((27, 0, 1), '27.0.1')")


def test_a_real_gunicorn_wins(tmp_path: Path) -> None:
    package = tmp_path / "site" / "gunicorn"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("real = True\n")
    (tmp_path / "imports.py").write_text(
        "import gunicorn\nassert gunicorn.real\n"
        "try:\n    import gunicorn.config\nexcept ImportError as error:\n    print(error, flush=True)\n"
        "def application(environ, start_response): ...\n"
    )
    checked = run_to_end("--check-config", "imports", cwd=tmp_path, env={"PYTHONPATH": str(package.parent)})
    assert (checked.code, checked.stdout) == (0, "No module named 'gunicorn.config'\n"), checked.stderr
