"""The error log, the access log, syslog, the logging module's configuration, and statsd on the wire."""

from __future__ import annotations

import signal

from twin.scenario import Scenario, Step
from twin.steps import ask, listening, see_file, see_log_file, see_packets, see_stdout, stop, wait_log

CLOSE = {"Connection": "close"}
GET = ask(
    "get",
    "/a%20b?c=d",
    {
        **CLOSE,
        "User-Agent": 'a "quoted" agent',
        "Referer": "http://r/",
        "Authorization": "Basic dXNlcjpwYXNz",
        "X-Odd": "1",
    },
)
ATOMS = "%(h)s %(l)s %(u)s|%(r)s|%(m)s %(U)s %(q)s %(H)s|%(s)s %(b)s %(B)s|%(f)s %(a)s|T=%(T)s"
HEADERS = "%({x-odd}i)s %({X-ODD}i)s %({nothing}i)s|%({x-reply}o)s %({server}o)s|%({path_info}e)s %(nosuch)s"
ACCESS = ("--access-logfile", "{dir}/access")
LOGGING = """
[loggers]
keys=root,gunicorn.error,gunicorn.access
[handlers]
keys=file
[formatters]
keys=plain
[logger_root]
level=INFO
handlers=file
[logger_gunicorn.error]
level=INFO
handlers=file
propagate=0
qualname=gunicorn.error
[logger_gunicorn.access]
level=INFO
handlers=file
propagate=0
qualname=gunicorn.access
[handler_file]
class=FileHandler
formatter=plain
args=('%(here)s/logged', 'a')
[formatter_plain]
format=%(name)s %(levelname)s %(message)s
"""
DICT = """{
"version": 1,
"disable_existing_loggers": False,
"formatters": {"plain": {"format": "%(name)s %(levelname)s %(message)s"}},
"handlers": {"file": {"class": "logging.FileHandler", "filename": "logged", "formatter": "plain"}},
"root": {"level": "INFO", "handlers": []},
"loggers": {
  "gunicorn.error": {"level": "INFO", "handlers": ["file"], "propagate": False},
  "gunicorn.access": {"level": "INFO", "handlers": ["file"], "propagate": False}
}}"""
LOGGER = """
from gunicorn.glogging import Logger

class Own(Logger):
    def access(self, resp, req, environ, request_time):
        self.info("own access line: %s %s", resp.status, req.path)

logger_class = Own
"""


def access(
    name: str,
    *arguments: str,
    settings: tuple[str, ...] = (),
    steps: tuple[Step, ...] = (GET,),
    app: str = "hooked:app",
    files: dict[str, str] | None = None,
) -> Scenario:
    """What stands in the access log after these requests."""
    return Scenario(
        f"access-{name}",
        ("accesslog", *settings),
        (*ACCESS, *arguments, app),
        (*steps, see_file("access", ".")),
        files or {},
    )


def statsd(name: str, *arguments: str, settings: tuple[str, ...] = (), steps: tuple[Step, ...]) -> Scenario:
    """What arrives at the statsd address."""
    return Scenario(
        f"statsd-{name}",
        ("statsd_host", *settings),
        ("--statsd-host", "127.0.0.1:{udp}", *arguments, "hooked:app"),
        steps,
    )


def logged(name: str, setting: str, *arguments: str, files: dict[str, str]) -> Scenario:
    """What stands in the file that the logging module's configuration names."""
    return Scenario(
        f"log-{name}",
        (setting,),
        (*arguments, "hooked:app"),
        (listening, GET, see_file("logged", "GET", only="Starting|Booting|GET")),
        files,
        has_booting_line=False,
    )


def syslog(
    name: str, *arguments: str, settings: tuple[str, ...] = (), count: int = 1, pattern: str
) -> Scenario:
    """What arrives at the syslog address."""
    return Scenario(
        f"syslog-{name}",
        ("syslog", "syslog_addr", *settings),
        ("--log-syslog", "--log-syslog-to", "udp://127.0.0.1:{udp}", *arguments, "hooked:app"),
        (GET, see_packets("syslog", pattern, count)),
    )


def level(name: str) -> Scenario:
    """Which of four lines is logged at this level."""
    lines = "".join(
        f"    server.log.{one}('a line')\n" for one in ("debug", "info", "warning", "error", "critical")
    )
    return Scenario(
        f"log-level-{name}",
        ("loglevel",),
        ("--log-level", name, "hooked:app"),
        (listening, GET),
        {"gunicorn.conf.py": f"def when_ready(server):\n{lines}"},
        has_booting_line=False,
        unseen_lines=("^(?!a line)",),
    )


SCENARIOS: list[Scenario] = [
    access("default"),
    access("atoms", "--access-logformat", ATOMS, settings=("access_log_format",)),
    access("headers", "--access-logformat", HEADERS, settings=("access_log_format",)),
    access(
        "bad-format",
        "--access-logformat",
        "%(h",
        settings=("access_log_format",),
        steps=(ask("get", "/", CLOSE), stop()),
    ),
    access("not-found", "--access-logformat", ATOMS, app="replies:app"),
    access(
        "application-error",
        "--access-logformat",
        "%(r)s %(s)s %(B)s",
        app="replies:app",
        steps=(ask("raises", "/raises", CLOSE),),
    ),
    access(
        "refused",
        "--access-logformat",
        "%(r)s %(s)s",
        app="replies:app",
        steps=(ask("refused", "/x y", CLOSE), ask("good", "/empty", CLOSE)),
    ),
    access(
        "sizes",
        "--access-logformat",
        "%(U)s %(b)s %(B)s",
        app="replies:app",
        steps=(
            ask("file", "/real-file", CLOSE),
            ask("empty", "/empty", CLOSE),
            ask("chunked", "/simple", CLOSE),
            ask("cut", "/too-long", CLOSE),
            stop(),
        ),
    ),
    access(
        "os-error",
        "--access-logformat",
        "%(U)s %(s)s",
        app="replies:app",
        steps=(ask("error", "/raises-os-error", CLOSE), ask("good", "/empty", CLOSE), stop()),
    ),
    Scenario(
        "access-stdout",
        ("accesslog",),
        ("--access-logfile", "-", "--access-logformat", "%(r)s %(s)s", "hooked:app"),
        (GET, stop(), see_stdout),
    ),
    Scenario("access-off", ("accesslog",), ("hooked:app",), (GET, stop(), see_stdout)),
    Scenario(
        "log-file",
        ("errorlog",),
        ("--log-file", "{dir}/log", "hooked:app"),
        (listening, GET, stop(), see_log_file("log", "Shutting down")),
        has_booting_line=False,
    ),
    Scenario("log-stderr-named", ("errorlog",), ("--log-file", "-", "hooked:app"), (GET,)),
    Scenario(
        "log-capture-output",
        ("capture_output", "errorlog"),
        ("--log-file", "{dir}/log", "--capture-output", "prints:app"),
        (listening, GET, stop(), see_log_file("log", "to stderr")),
        has_booting_line=False,
    ),
    *[level(name) for name in ("debug", "info", "warning", "error", "critical", "nonsense")],
    logged("config-ini", "logconfig", "--log-config", "{dir}/logging.ini", files={"logging.ini": LOGGING}),
    logged("config-dict", "logconfig_dict", files={"gunicorn.conf.py": f"logconfig_dict = {DICT}\n"}),
    logged(
        "config-json",
        "logconfig_json",
        "--log-config-json",
        "{dir}/logging.json",
        files={"logging.json": DICT.replace("False", "false")},
    ),
    Scenario(
        "log-config-missing", ("logconfig",), ("--log-config", "{dir}/no.ini", "hooked:app"), is_server=False
    ),
    Scenario(
        "log-logger-class",
        ("logger_class",),
        ("hooked:app",),
        (GET, wait_log("own access line")),
        {"gunicorn.conf.py": LOGGER + "accesslog = '-'\n"},
    ),
    syslog("error", pattern="Booting worker"),
    syslog("access", "--access-logformat", "%(r)s", pattern="GET"),
    syslog("prefix", "--log-syslog-prefix", "shop", settings=("syslog_prefix",), pattern="Starting"),
    syslog("facility", "--log-syslog-facility", "local3", settings=("syslog_facility",), pattern="Starting"),
    syslog("name", "-n", "my:shop", settings=("proc_name",), pattern="Starting"),
    Scenario(
        "syslog-access-not-redirected",
        ("disable_redirect_access_to_syslog",),
        (
            "--log-syslog",
            "--log-syslog-to",
            "udp://127.0.0.1:{udp}",
            "--disable-redirect-access-to-syslog",
            "hooked:app",
        ),
        (GET, stop(signal.SIGTERM), see_packets("syslog", "GET|Shutting down")),
    ),
    statsd("requests", steps=(see_packets("workers", "workers"), GET, see_packets("request", "request", 3))),
    statsd(
        "prefix-and-tags",
        "--statsd-prefix",
        "shop",
        "--dogstatsd-tags",
        "a:b,c",
        settings=("statsd_prefix", "dogstatsd_tags"),
        steps=(GET, see_packets("request", "request", 3)),
    ),
    statsd(
        "backlog",
        "--enable-backlog-metric",
        settings=("enable_backlog_metric",),
        steps=(see_packets("backlog", "backlog"),),
    ),
    Scenario(
        "statsd-log-counters",
        ("statsd_host",),
        ("--statsd-host", "127.0.0.1:{udp}", "hooked:app"),
        (see_packets("log", "log.warning"), see_packets("own", "own.gauge")),
        {
            "gunicorn.conf.py": "def when_ready(server):\n    server.log.warning('x')\n"
            "    server.log.info('', extra={'metric': 'own.gauge', 'value': 5, 'mtype': 'gauge'})\n"
        },
    ),
]
