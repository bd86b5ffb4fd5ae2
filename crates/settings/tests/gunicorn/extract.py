"""Writes what Gunicorn 27.0.1 says about its settings into the tables beside this file.

Run it with an interpreter that has gunicorn==27.0.1 installed; the tests in tests/gunicorn.rs read the tables. The tables hold
names, spellings and outcomes only, no prose. Re-run it, and look at the difference, when another version becomes the referee.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
import warnings
from pathlib import Path

for variable in ("PORT", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS", "SENDFILE", "GUNICORN_CMD_ARGS"):
    os.environ.pop(variable, None)
os.chdir("/")
os.environ["PWD"] = "/"

from gunicorn import __version__, config  # noqa: E402  (the module reads the environment when it is imported)

HERE = Path(__file__).parent
COMPUTED = {"chdir", "user", "group", "control_socket"}

VALUES = [
    None, True, False, 0, 1, 2, -1, 42, 16384, 2**31, 1.5,
    "", " ", "a", " a ", "0", "1", "-1", "+7", "42", " 42 ", "042", "00", "0x10", "0X1f", "0o17", "0b11", "0x", "0x_f", "1_000", "1__0",
    "_1", "1_", "0_0", "1.5", "1e3", "--1", "true", "True", " TRUE ", "false", "yes", "no", "on", "off", "none", "auto", "AUTO", " v1 ", "v2", "v3",
    "drop", "Refuse", "dangerous", "asyncio", "uvloop", "poll", "inotify", "fast", "python",
    "prior-knowledge", "upgrade", "both", "h1", "h2", "h2,h1", "H1 , h2", "h1,h1", "h3", "h1,", ",",
    "a,b", " a , b ", "a,,b", "a, ,b", "*", "127.0.0.1", "127.0.0.1,::1", "10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/255.0.0.0",
    "10.0.0.0/0.255.255.255", "10.0.0.0/255.0.255.0", "10.0.0.0/08", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::1/32", "::/129",
    "::1/", "1.2.3", "1.2.3.4.5", "01.2.3.4", "localhost", "127.0.0.1, 10.0.0.0/8", "127.0.0.1,", "*,127.0.0.1",
    "localhost:8125", "localhost", "[::1]:8125", "[::1]", "unix:///tmp/s", "unix:/tmp/s", "unix:8125", "host:", "host:x", ":9", "HOST:1", "fd://3", "fd://x",
    "/", "/..", "/tmp/../tmp", "tmp", "/no/such/directory", "/tmp/*.nothing", "/no/such/file",
    [], ["a"], ["a", " b "], [""], ["/"], ["/no/such/file"], ["/no/such/*"], {}, {"A": "b"}, {"A": "b", "C": "d"},
]

REPRESENTATIVES = [
    "pidfile", "bind", "workers", "umask", "cert_reqs", "worker_class", "daemon", "sendfile", "reload_engine", "reload_extra_files", "chdir",
    "secure_scheme_headers", "logconfig_dict", "forwarded_allow_ips", "forwarder_headers", "statsd_host", "proxy_protocol", "http_protocols",
    "http2_cleartext", "http2_max_concurrent_streams", "http2_initial_window_size", "http2_max_frame_size", "header_map", "asgi_loop",
    "asgi_lifespan", "http_parser",
]

COMMAND_LINES = """
app:app
-w4
-w 4
-w=4
-w 4 -w 5
-w +4
-w ' 4 '
-w 1_0
-w -4
-w 0x10
-w x
-w
-w ''
-w 4.0
--workers=4 app:app
app:app --workers 4
--workers= app:app
--worker 3
--workers-x 3
--work 3
--wor=3
--threads 2 -k gthread -t 5 app:app
-b :80 -b [::1]:81 --bind unix:/tmp/s app:app
-b:80
-b=:80
-b -x
-b -
-b -5
-b '-x y'
-b --workers
-b
--access-logfile - --error-logfile - app:app
--log-file x
--error x
--log x
--log-f x
--access-logformat '-- %(r)s x'
--access-logformat '--bind= x'
--access-logformat '-b x'
--access-logformat='-x'
-DR app:app
-DRw4 app:app
-Dx app:app
-D=1
--daemon=1
--daemon=
--preload --preload app:app
--pre app:app
--no-sendfile
--no-s
--no
--no-control-socket
--paste a.ini
--paster=a.ini#main
--paste-g k=v --paste-global x=y
--proxy-protocol
--proxy-protocol=v2 app:app
--proxy-protocol v1 app:app
--proxy-protocol auto
--proxy-protocol --preload app:app
--proxy-p=off
--proxy
--proxy-protocol=
-m 022 app:app
-m 0o22
-m 18
-m 0x12
-m 0778
-m 8_0
-m ''
--control-socket-mode 0660
--cert-reqs 0x1
--cert-reqs 2
--limit-request-field_size 1
--limit-request-field-size 1
--limit-request-fields 5
--limit-request-field 5
-e A=1 -e B=2 --env C=3
--env=A=1=2
-c x -c y
--config=
-p '' app:app
-n 'a b'
-u nobody -g 12
--umask -1
--bogus
--wrokers 3
-x
-x3
-- app:app
-w 3 -- app:app
app:app -- other
-- -w 3
one two
one two -w 3
one -w 3 two
-w 3 one two --preload
one -w 3 -- two
'' -w 3
- -w 3
-5 -w 3
'a b' '-a b'
--forwarded-allow-ips *
--log-level debug --log-lev info
--statsd-host localhost:1
--http2-max-frame-size 1
--suppress-ragged-eofs
--reload-extra-file a --reload-extra b
-k sync --k
--capture-output=true
--help-me
--timeout 5 --time 6
--keep-alive 0 --keepalive 3
""".strip().splitlines()


def write(name: str, rows: list[list[str]]) -> None:
    head = f"# Extracted from Gunicorn {__version__} by extract.py.\n"
    (HERE / name).write_text(head + "".join("\t".join(row) + "\n" for row in rows))


def setting_rows() -> list[list[str]]:
    rows = []
    for setting in config.make_settings().values():
        is_callable = callable(setting.default)
        kind = setting.validator.__qualname__.removeprefix("validate_").split(".")[0]
        is_computed = setting.name in COMPUTED or is_callable
        rows.append([
            setting.name,
            setting.section,
            " ".join(setting.cli or []),
            setting.meta or "",
            setting.action or "",
            kind,
            "computed" if is_computed else str(f"{setting.default}"),
            "computed" if is_computed else f"{setting.value}",
        ])
    return rows


def value_rows() -> list[list[str]]:
    """First the inputs, under the name `*`; then what each setting accepts. What is not listed is refused."""
    values = list({repr(value): value for value in VALUES}.values())
    rows = [["*", repr(value)] for value in values]
    for name in REPRESENTATIVES:
        for value in values:
            cfg = config.Config()
            with contextlib.suppress(Exception):  # Gunicorn raises whatever the validator runs into
                cfg.set(name, value)
                rows.append([name, repr(value), f"{cfg.settings[name].value}"])
    return rows


def command_line_rows() -> list[list[str]]:
    rows = []
    for line in COMMAND_LINES:
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                options = vars(config.Config("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn").parser().parse_args(shlex.split(line)))
        except SystemExit as stop:
            rows.append([line, f"exit {stop.code}"])
            continue
        positionals = options.pop("args")
        given = [f"{name}={value!r}" for name, value in sorted(options.items()) if value is not None]
        rows.append([line, "; ".join([*given, f"args={positionals!r}"])])
    return rows


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if __version__ != "27.0.1":
        sys.exit(f"needs gunicorn 27.0.1, this is {__version__}")
    write("settings.tsv", setting_rows())
    write("values.tsv", value_rows())
    write("command_lines.tsv", command_line_rows())
