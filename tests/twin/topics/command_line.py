"""The command line: spellings of options, what is refused and with which exit code, the application's
name.
"""

from __future__ import annotations

from twin.scenario import Scenario, Step
from twin.steps import see_all_printed, see_error, see_printed, see_stdout

BROKEN = "import nothing_of_this_name\n"
SHAPES = """
def app(environ, start_response):
    start_response("200 OK", [])
    return []

def factory(name="", *, size=1):
    return app

number = 5
nothing = None

class Box:
    app = staticmethod(app)

box = Box()
"""


def prints(
    name: str, settings: tuple[str, ...], *arguments: str, env: dict[str, str] | None = None
) -> Scenario:
    """What --print-config says of these settings under this command line."""
    return Scenario(
        f"cli-{name}",
        (*settings, "print_config"),
        ("--print-config", *arguments, "hello:app"),
        (see_printed(*settings),),
        env=env or {},
        bind=None,
        is_server=False,
    )


def ends(
    name: str, *arguments: str, steps: tuple[Step, ...] = (see_error,), settings: tuple[str, ...] = ()
) -> Scenario:
    """How a command line ends that starts no server."""
    files = {"shapes.py": SHAPES, "broken.py": BROKEN, "taken.pid": "1\n", "folder/x": ""}
    return Scenario(f"cli-{name}", settings, arguments, steps, files, bind=None, is_server=False)


def loads(name: str, target: str) -> Scenario:
    """How --check-config ends for one way of naming the application."""
    return ends(f"app-{name}", "--check-config", target, settings=("check_config",))


SCENARIOS: list[Scenario] = [
    ends("version", "--version", steps=(see_stdout,)),
    ends("no-app"),
    ends("unknown-option", "--no-such-option", "hello:app"),
    ends("ambiguous-option", "--max", "5", "hello:app"),
    ends("missing-value", "hello:app", "--workers"),
    ends("bad-number", "--workers", "two", "hello:app", settings=("workers",)),
    ends("negative-number", "--workers", "-1", "hello:app", settings=("workers",)),
    ends("hexadecimal", "--max-requests=0x10", "hello:app", settings=("max_requests",)),
    ends("float", "--timeout", "1.5", "hello:app", settings=("timeout",)),
    ends("split-positionals", "hello:app", "--timeout", "13", "second"),
    ends("bad-chdir", "--chdir", "{dir}/nothing", "hello:app", settings=("chdir",)),
    ends("bad-user", "--user", "no-such-user", "hello:app", settings=("user",)),
    ends("bad-group", "--group", "no-such-group", "hello:app", settings=("group",)),
    ends(
        "bad-forwarded", "--forwarded-allow-ips", "10.0.0.1/8", "hello:app", settings=("forwarded_allow_ips",)
    ),
    ends("bad-proxy-allow", "--proxy-allow-from", "nowhere", "hello:app", settings=("proxy_allow_ips",)),
    ends("bad-proxy-protocol", "--proxy-protocol=v3", "hello:app", settings=("proxy_protocol",)),
    ends(
        "proxy-protocol-eats-app",
        "--check-config",
        "--proxy-protocol",
        "hello:app",
        settings=("proxy_protocol",),
    ),
    ends("bad-header-map", "--header-map", "keep", "hello:app", settings=("header_map",)),
    ends("bad-reload-engine", "--reload-engine", "magic", "hello:app", settings=("reload_engine",)),
    ends("bad-worker-class", "-b", "127.0.0.1:0", "-k", "nosuch", "hello:app", settings=("worker_class",)),
    ends(
        "missing-worker-class",
        "-b",
        "127.0.0.1:0",
        "-k",
        "hello.NoSuch",
        "hello:app",
        settings=("worker_class",),
    ),
    ends("bad-statsd", "--statsd-host", "host:port", "hello:app", settings=("statsd_host",)),
    ends("bad-http-protocols", "--http-protocols", "h9", "hello:app", settings=("http_protocols",)),
    ends("bad-config", "-c", "{dir}/nothing.py", "hello:app", settings=("config",)),
    ends(
        "bad-facility",
        "-b",
        "127.0.0.1:0",
        "--log-syslog",
        "--log-syslog-facility",
        "nosuch",
        "hello:app",
        settings=("syslog_facility",),
    ),
    ends(
        "bad-errorlog",
        "-b",
        "127.0.0.1:0",
        "--log-file",
        "{dir}/no/such/log",
        "hello:app",
        settings=("errorlog",),
    ),
    ends(
        "bad-accesslog",
        "-b",
        "127.0.0.1:0",
        "--access-logfile",
        "{dir}/folder",
        "hello:app",
        settings=("accesslog",),
    ),
    ends("bad-env", "-b", "127.0.0.1:0", "-e", "NOVALUE", "hello:app", settings=("raw_env",)),
    ends("bad-address", "-b", "127.0.0.1:notaport", "hello:app", settings=("bind",)),
    ends("bad-scheme", "-b", "http://127.0.0.1:0", "hello:app", settings=("bind",)),
    ends("pidfile-taken", "-b", "127.0.0.1:0", "-p", "{dir}/taken.pid", "hello:app", settings=("pidfile",)),
    ends("pidfile-nowhere", "-b", "127.0.0.1:0", "-p", "{dir}/no/pid", "hello:app", settings=("pidfile",)),
    ends("boot-broken", "-b", "127.0.0.1:0", "broken:app"),
    ends("boot-no-attribute", "-b", "127.0.0.1:0", "shapes:nosuch"),
    ends("preload-broken", "-b", "127.0.0.1:0", "--preload", "broken:app", settings=("preload_app",)),
    prints("short-joined", ("workers", "bind"), "-w4", "-b:9000"),
    prints("equals", ("workers", "timeout"), "--workers=3", "--timeout=7"),
    prints("abbreviated", ("graceful_timeout", "keepalive"), "--graceful", "5", "--keep", "9"),
    prints("last-one-wins", ("workers",), "-w", "2", "-w", "3"),
    prints("lists", ("bind", "raw_env"), "-b", ":1", "-b", "[::1]:2", "-e", "A=1", "-e", "B=2"),
    prints("aliases", ("errorlog", "config"), "--error-logfile", "x"),
    prints("octal", ("umask", "control_socket_mode"), "-m", "0o27", "--control-socket-mode", "0x1ff"),
    prints(
        "flags",
        ("daemon", "reuse_port", "initgroups", "sendfile"),
        "-D",
        "--reuse-port",
        "--initgroups",
        "--no-sendfile",
    ),
    prints(
        "cmd-args",
        ("workers", "bind", "accesslog"),
        "-w",
        "5",
        env={"GUNICORN_CMD_ARGS": "--workers 7 -b 'unix:{dir}/a b' --access-logfile=-"},
    ),
    prints("web-concurrency", ("workers",), env={"WEB_CONCURRENCY": "6"}),
    prints("sendfile-from-environment", ("sendfile",), env={"SENDFILE": "0"}),
    prints("port", ("bind",), env={"PORT": "8123"}),
    prints(
        "forwarded-from-environment",
        ("forwarded_allow_ips",),
        env={"FORWARDED_ALLOW_IPS": "10.0.0.0/8,192.0.2.1"},
    ),
    Scenario(
        "print-defaults",
        ("print_config", "config"),
        ("--print-config", "hello:app"),
        (see_all_printed,),
        bind=None,
        is_server=False,
    ),
    Scenario(
        "cli-bad-web-concurrency",
        ("workers",),
        ("--print-config", "hello:app"),
        (see_error,),
        env={"WEB_CONCURRENCY": "many"},
        bind=None,
        is_server=False,
    ),
    loads("default-name", "shapes"),
    loads("plain", "shapes:app"),
    loads("factory", "shapes:factory('x', size=2)"),
    loads("factory-variable", "shapes:factory(number)"),
    loads("factory-too-many", "shapes:factory(1, 2, 3)"),
    loads("dotted", "shapes:box.app"),
    loads("number", "shapes:number"),
    loads("none", "shapes:nothing"),
    loads("missing", "shapes:missing"),
    loads("file", "shapes.py"),
    loads("nowhere", "no_such_module:app"),
    loads("raises", "broken:app"),
    loads("syntax", "shapes:app:app"),
    loads("colon", ":app"),
]
