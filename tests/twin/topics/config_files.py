"""Configuration files: which is read, what in it counts, what wins over it, and what is wrong with it."""

from __future__ import annotations

from twin.scenario import Scenario, Step
from twin.steps import ask, body_of, see_error, see_lines, see_printed, see_stdout, wait_end

CONF = "gunicorn.conf.py"


def prints(
    name: str,
    settings: tuple[str, ...],
    text: str,
    *arguments: str,
    env: dict[str, str] | None = None,
    file: str = CONF,
) -> Scenario:
    """What --print-config says of these settings with this configuration file."""
    return Scenario(
        f"file-{name}",
        (*settings, "config"),
        ("--print-config", *(arguments or ("hello:app",))),
        (see_printed(*settings),),
        {file: text, "part.py": "workers = 11\nunrelated = 1\n", "package/conf.py": "workers = 12\n"},
        env or {},
        bind=None,
        is_server=False,
    )


def fails(name: str, text: str, *settings: str, steps: tuple[Step, ...] = (see_error,)) -> Scenario:
    """How --check-config ends with this configuration file."""
    return Scenario(
        f"file-{name}",
        (*settings, "config"),
        ("--check-config", "hello:app"),
        steps,
        {CONF: text},
        bind=None,
        is_server=False,
    )


SCENARIOS: list[Scenario] = [
    prints("default-is-read", ("workers", "timeout"), "workers = 3\ntimeout = 40\n"),
    prints("named", ("workers",), "workers = 4\n", "-c", "other.py", "hello:app", file="other.py"),
    prints("file-scheme", ("workers",), "workers = 4\n", "-c", "file:other.py", "hello:app", file="other.py"),
    prints("module", ("workers",), "", "-c", "python:package.conf", "hello:app"),
    prints("other-suffix", ("workers",), "workers = 4\n", "-c", "other.conf", "hello:app", file="other.conf"),
    prints(
        "config-in-environment",
        ("workers",),
        "workers = 4\n",
        file="other.py",
        env={"GUNICORN_CMD_ARGS": "-c other.py"},
    ),
    prints(
        "command-line-wins", ("workers", "timeout"), "workers = 3\ntimeout = 40\n", "-w", "5", "hello:app"
    ),
    prints(
        "environment-is-between",
        ("workers", "timeout", "backlog"),
        "workers=3\ntimeout=40\nbacklog=7\n",
        "-w",
        "5",
        "hello:app",
        env={"GUNICORN_CMD_ARGS": "--timeout 50 --workers 9"},
    ),
    prints("list-is-replaced", ("bind",), "bind = [':1', ':2']\n", "-b", ":3", "hello:app"),
    prints(
        "beats-port",
        ("bind", "workers"),
        "bind = ':1'\nworkers = 2\n",
        env={"PORT": "9", "WEB_CONCURRENCY": "8"},
    ),
    prints("upper-case-is-ignored", ("workers",), "WORKERS = 9\nworker = 3\n"),
    prints("imports-count", ("workers",), "from part import *\n"),
    prints("config-inside-is-ignored", ("config", "workers"), "config = 'other.py'\nworkers = 2\n"),
    prints(
        "strings-are-read",
        ("workers", "reload", "umask", "timeout"),
        "workers = '3'\nreload = 'True'\numask = '0o22'\ntimeout = ' 0x10'\n",
    ),
    prints("single-bind-is-a-list", ("bind", "raw_env"), "bind = 'unix:x'\nraw_env = 'A=b'\n"),
    prints("strings-are-stripped", ("proc_name", "pidfile"), "proc_name = ' name '\npidfile = ''\n"),
    prints("sendfile-true", ("sendfile",), "sendfile = True\n"),
    prints("booleans-as-numbers", ("workers", "user"), "workers = True\nuser = 0\n"),
    prints(
        "hooks-have-names",
        ("on_starting", "post_request"),
        "def on_starting(server): pass\ndef post_request(worker, req, environ, resp): pass\n",
    ),
    prints("hook-by-import", ("when_ready",), "when_ready = 'world.describe'\nworkers = 2\n"),
    prints("wsgi-app", ("wsgi_app", "default_proc_name"), "wsgi_app = 'hello:app'\n", "-w", "1"),
    prints("wsgi-app-loses", ("wsgi_app", "default_proc_name"), "wsgi_app = 'nothing:app'\n", "hello:app"),
    prints("chdir", ("chdir",), "chdir = 'package'\n"),
    prints(
        "dicts",
        ("secure_scheme_headers", "logconfig_dict"),
        "secure_scheme_headers = {'X-A': 'b'}\nlogconfig_dict = {'version': 1}\n",
    ),
    prints(
        "peers",
        ("forwarded_allow_ips", "proxy_allow_ips", "uwsgi_allow_ips"),
        "forwarded_allow_ips = '*'\nproxy_allow_ips = '10.0.0.0/8, ::1'\nuwsgi_allow_ips = ''\n",
    ),
    fails("raises", "1 / 0\n"),
    fails("syntax", "workers = = 2\n"),
    fails("exits", "import sys\nsys.exit(9)\n"),
    fails("unknown-type", "workers = [1]\n", "workers"),
    fails("negative", "timeout = -1\n", "timeout"),
    fails("float", "timeout = 1.5\n", "timeout"),
    fails("bad-bool", "daemon = 'yes'\n", "daemon"),
    fails("bad-bool-number", "daemon = 1\n", "daemon"),
    fails("not-a-string", "pidfile = 5\n", "pidfile"),
    fails("negative-user", "user = -1\n", "user"),
    fails("boolean-user", "user = True\n", "user"),
    fails("boolean-group", "group = False\n", "group"),
    fails("imported-module", "import syslog\n", "syslog"),
    fails("hook-arity", "def pre_fork(server): pass\n", "pre_fork"),
    fails("hook-arity-of-varargs", "def pre_fork(*args): pass\n", "pre_fork"),
    fails("hook-not-callable", "when_ready = 5\n", "when_ready"),
    fails("hook-not-importable", "when_ready = 'no.such.thing'\n", "when_ready"),
    fails("post-request-arity", "def post_request(worker): pass\n", "post_request"),
    fails("bad-dict", "secure_scheme_headers = 'x'\n", "secure_scheme_headers"),
    fails("many-workers", "workers = 20000\n", "workers"),
    fails("long-timeout", "timeout = 2 ** 40\n", "timeout"),
    fails("umask-beyond", "umask = 0o7777\n", "umask"),
    fails("zero-threads", "threads = 0\nworker_class = 'gthread'\n", "threads"),
    fails("zero-connections", "worker_connections = 0\nworker_class = 'gthread'\n", "worker_connections"),
    fails("prints", "print('hello from the file')\n", steps=(wait_end, see_stdout)),
    Scenario(
        "file-no-app",
        ("wsgi_app",),
        ("--check-config",),
        (see_error,),
        {CONF: "workers = 1\n"},
        bind=None,
        is_server=False,
    ),
    Scenario(
        "file-raw-env",
        ("raw_env",),
        ("world:app",),
        (
            body_of(
                "environment",
                read=lambda world: {
                    key: world["environ"].get(key, "(absent)") for key in ("A", "B", "SERVER_SOFTWARE", "C")
                },
            ),
        ),
        {CONF: "raw_env = ['A=1', 'B=2=3']\nimport os\nos.environ['C'] = 'set in the file'\n"},
        env={"A": "before"},
    ),
    Scenario(
        "file-chdir-and-pythonpath",
        ("chdir", "pythonpath"),
        ("--chdir", "inner", "--pythonpath", "{dir}/one,two", "probe:app"),
        (body_of("path", read=lambda seen: seen),),
        {
            "inner/probe.py": (
                "import json, os, sys\n"
                "def app(environ, start_response):\n"
                "    body = json.dumps({'cwd': os.getcwd(), 'path': sys.path[:3]}).encode()\n"
                "    start_response('200 OK', [('Content-Length', str(len(body)))])\n"
                "    return [body]\n"
            ),
            "one/x.py": "",
            "inner/two/x.py": "",
        },
    ),
    Scenario(
        "file-no-name", ("config",), ("-c", "", "hello:app"), (ask("get", "/", {"Connection": "close"}),)
    ),
    Scenario(
        "file-pythonpath-with-an-empty-element",
        ("pythonpath",),
        ("--pythonpath", "{dir}/one,", "probe:app"),
        (body_of("path", read=lambda seen: seen),),
        {
            "probe.py": (
                "import json, sys\n"
                "def app(environ, start_response):\n"
                "    body = json.dumps(sys.path[:2]).encode()\n"
                "    start_response('200 OK', [('Content-Length', str(len(body)))])\n"
                "    return [body]\n"
            ),
            "one/x.py": "",
        },
    ),
    Scenario(
        "file-wsgi-app-serves",
        ("wsgi_app",),
        (),
        (see_lines("nothing else", "^Error.*$"),),
        {CONF: "wsgi_app = 'hello:app'\nproc_name = 'x'\n"},
    ),
]
