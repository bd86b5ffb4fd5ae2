"""A started server is checked before it is measured, counted whole, and gone afterwards."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from sidebyside import proctree
from sidebyside.peers import PEERS, TRICORN, Place, Shape, Unavailable, check_installed, command_line
from sidebyside.server import RunningServer, Spec, free_port

SERVER = """
import http.server, os, sys, time
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = {protocol!r}
    def do_GET(self):
        self.send_response({status})
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *words): pass
{before}
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


def running(status: int = 200, protocol: str = "HTTP/1.1", before: str = "") -> RunningServer:
    port = free_port()
    program = SERVER.format(status=status, protocol=protocol, before=before)
    argv = [sys.executable, "-c", program, str(port)]
    cpu = str(min(os.sched_getaffinity(0)))
    return RunningServer(Spec(argv, {"PATH": os.environ["PATH"]}, os.getcwd(), cpu, port))


def test_a_good_server_is_measured_and_ended() -> None:
    with running() as server:
        assert server.verify("/", b"ok") > len("HTTP/1.1 200 OK\r\nok")
        pids = list(server.tree())
        assert sum(server.cpu_s()) > 0
        assert next(iter(server.pss_mib().values())) > 1
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize(
    ("made_with", "says"),
    [
        ({"status": 500}, "answered 500"),
        ({"protocol": "HTTP/1.0"}, "closes the connection"),
        ({"before": "raise ImportError('no such thing')"}, "ImportError: no such thing"),
        ({"before": "sys.exit(3)"}, "status 3"),
    ],
)
def test_a_server_that_must_not_be_measured(made_with: dict[str, object], says: str) -> None:
    with pytest.raises(Unavailable, match=says), running(**made_with) as server:  # type: ignore[arg-type]
        server.verify("/", b"ok")


def test_another_body_is_refused() -> None:
    with running() as server, pytest.raises(Unavailable, match="answered 200 with b'ok'"):
        server.verify("/", b"Hello, world!")


def test_a_command_that_does_not_exist() -> None:
    port = free_port()
    spec = Spec(["/nonexistent/server"], {"PATH": os.environ["PATH"]}, os.getcwd(), "0", port)
    with pytest.raises(Unavailable, match="ended at start"), RunningServer(spec):
        pass


STUBBORN_CHILD = """
import signal
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
    os._exit(0)
"""


def test_children_are_counted_and_killed_though_they_ignore_term() -> None:
    with running(before=STUBBORN_CHILD) as server:
        server.verify("/", b"ok")
        pids = list(server.tree())
        assert len(pids) == 2
    deadline = time.monotonic() + 5
    while any(_is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a child survived its server"
        time.sleep(0.01)


def _is_alive(pid: int) -> bool:
    """A killed orphan may stay a zombie until its new parent looks."""
    try:
        return (
            proctree.parse_stat(text := Path(f"/proc/{pid}/stat").read_text()).pid == pid
            and ") Z " not in text
        )
    except OSError:
        return False


PLACE = Place(Path("/v e/nv"), Path("/opt/tricorn"), Path("/built"))


def test_command_lines_survive_spaces_and_take_their_shape() -> None:
    lines = {peer.name: command_line(peer, Shape(), PLACE, "m:app", 8000) for peer in PEERS}
    assert lines["tricorn"] == ["/opt/tricorn", "-w", "1", "-b", "127.0.0.1:8000", "m:app"]
    assert lines["gunicorn"][0] == "/v e/nv/bin/gunicorn"
    assert not [word for line in lines.values() for word in line if "{" in word]
    four = command_line(TRICORN, Shape(workers=4, threads=4, preload=True), PLACE, "m:app", 8000)
    assert four[1:6] == ["-w", "4", "--threads", "4", "--preload"]


def test_a_mode_a_peer_does_not_have_is_a_reason() -> None:
    by_name = {peer.name: peer for peer in PEERS}
    with pytest.raises(Unavailable, match="one application thread only"):
        command_line(by_name["bjoern"], Shape(threads=2), PLACE, "m:app", 1)
    with pytest.raises(Unavailable, match="one worker only"):
        command_line(by_name["waitress"], Shape(workers=2), PLACE, "m:app", 1)


def test_why_a_peer_is_absent(tmp_path: Path) -> None:
    (tmp_path / "bench-unavailable.json").write_text('{"bjoern": "fatal error: ev.h"}')
    place, by_name = Place(tmp_path, None, tmp_path), {peer.name: peer for peer in PEERS}
    for name, says in (
        ("bjoern", "ev.h; it needs a C"),
        ("granian", "run bench/setup"),
        ("tricorn", "--tricorn PATH"),
    ):
        with pytest.raises(Unavailable, match=says):
            check_installed(by_name[name], place, {})


def test_results_hold_no_path_of_this_machine() -> None:
    shown = PLACE.public(
        f"/built/x /v e/nv/bin/y /opt/tricorn {Path.home()}/z {Path(__file__).parent.parent}/apps"
    )
    assert shown == "$BUILT/x $VENV/bin/y $TRICORN/tricorn $HOME/z $BENCH/apps"
