"""The command as a user meets it: wrong arguments get one clear line, a session leaves raw results."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parent.parent / "run.py"
FAKE_TRICORN = """#!{python}
import http.server, sys
if "--version" in sys.argv: sys.exit(print("tricorn (version 9.9.9)"))
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.wfile.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 13\\r\\n\\r\\nHello, world!")
port = int(sys.argv[sys.argv.index("-b") + 1].rpartition(":")[2])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""
can_measure = pytest.mark.skipif(
    shutil.which("wrk") is None or shutil.which("cc") is None or len(os.sched_getaffinity(0)) < 2,
    reason="needs wrk, cc and two cores",
)


def bench(*args: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(RUN), *args], capture_output=True, text=True, timeout=timeout_s, check=False
    )


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment without any server: the interpreter alone."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True, timeout=60
    )
    return tmp_path / "venv"


@can_measure
@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--scenarios", "raw_helo"], "no scenario 'raw_helo'; did you mean 'raw_hello'?"),
        (["--servers", "guvicorn"], "did you mean 'gunicorn'?"),
        (["--servers", "zzz"], "there are tricorn, gunicorn"),
        (["--reference", "nobody"], "no server 'nobody'"),
        (["--rounds", "0"], "--rounds must be at least 1"),
        (["--seconds", "-3"], "--seconds must be at least 1"),
        (["--quiet-wait", "-1"], "--quiet-wait must not be negative"),
        (["--rounds", "many"], "invalid int value"),
        (["--server-cpu", "4096"], "not a core this process may use"),
        (["--server-cpu", "0", "--client-cpu", "0"], "a core each"),
        (["--tricorn", "/nonexistent/tricorn"], "not an executable file"),
        (["--venv", "/nonexistent/venv"], "make it with bench/setup"),
    ],
)
def test_wrong_arguments(venv: Path, args: list[str], says: str) -> None:
    done = bench("--venv", str(venv), *args)
    assert done.returncode == 2
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_setup_with_an_interpreter_that_is_none(tmp_path: Path) -> None:
    command = [
        str(RUN.with_name("setup")),
        "--python",
        "/nonexistent/python",
        "--venv",
        str(tmp_path / "venv"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("bench/setup: /nonexistent/python could not make")


def test_the_list_names_every_command_line() -> None:
    done = bench("--list")
    assert done.returncode == 0
    assert "{tricorn} -w {workers}" in done.stdout
    assert "sleep16" in done.stdout


@can_measure
def test_nothing_to_measure_is_an_error_with_reasons(venv: Path, tmp_path: Path) -> None:
    done = bench(
        "--venv",
        str(venv),
        "--servers",
        "granian",
        "--scenarios",
        "sleep16",
        "--raw",
        str(tmp_path / "r.jsonl"),
    )
    assert done.returncode == 1
    assert "granian: not available: not installed (run bench/setup)" in done.stdout


@can_measure
def test_a_short_session(venv: Path, tmp_path: Path) -> None:
    fake = tmp_path / "tricorn"
    fake.write_text(FAKE_TRICORN.format(python=venv / "bin" / "python"))
    fake.chmod(0o755)
    raw = tmp_path / "raw" / "day.jsonl"
    args = [
        "--venv",
        str(venv),
        "--tricorn",
        str(fake),
        "--servers",
        "tricorn,weft",
        "--scenarios",
        "raw_hello",
    ]
    done = bench(
        *args,
        "--rounds",
        "2",
        "--seconds",
        "1",
        "--quiet-wait",
        "0",
        "--raw",
        str(raw),
        "--json",
        timeout_s=110,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["obstacle"] is None
    assert 0 <= answer["noise"]["busy_before"]["median"] <= 1
    figures = answer["scenarios"]["raw_hello"]["rows"]
    assert figures["tricorn"]["cpu_us"]["ratio"]["median"] == 1
    assert (
        figures["constant-loop"]["cpu_us"]["value"]["median"]
        < figures["tricorn"]["cpu_us"]["value"]["median"]
    )
    assert answer["unavailable"] == [
        {"scenario": "raw_hello", "row": "weft", "reason": "not installed (run bench/setup)"}
    ]
    above_loop = next(target for target in answer["targets"] if "above a loop" in target["text"])
    assert above_loop["is_met"] is False  # http.server in Python is not within 3 us of a C loop
    lines = [json.loads(line) for line in raw.read_text().splitlines()]
    measured = [line for line in lines if "figures" in line]
    assert sorted((line["row"], line["round"]) for line in measured) == [
        ("constant-loop", 1),
        ("constant-loop", 2),
        ("tricorn", 1),
        ("tricorn", 2),
    ]
    tricorn = next(line for line in measured if line["row"] == "tricorn")
    assert tricorn["version"] == "9.9.9"
    assert tricorn["command"] == "taskset -c 0 $TRICORN/tricorn -w 1 -b 127.0.0.1:PORT raw_hello:app"
    assert str(tmp_path) not in raw.read_text()


def processes_of(program: Path) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(program).encode() in words and words[0] != b"taskset":
            found.append(int(entry.name))
    return found


@can_measure
def test_term_ends_the_session_and_its_server(venv: Path, tmp_path: Path) -> None:
    fake = tmp_path / "tricorn"
    fake.write_text(FAKE_TRICORN.format(python=venv / "bin" / "python"))
    fake.chmod(0o755)
    args = ["--venv", str(venv), "--tricorn", str(fake), "--servers", "tricorn", "--scenarios", "raw_hello"]
    args += ["--seconds", "30", "--quiet-wait", "0", "--raw", str(tmp_path / "r.jsonl")]
    program = [sys.executable, str(RUN), *args]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as session:
        serving = [str(venv / "bin" / "python"), str(fake), "-w", "1"]
        deadline = time.monotonic() + 50
        while not any(command_of(pid)[:4] == serving for pid in processes_of(fake)):
            assert time.monotonic() < deadline and session.poll() is None, "the server was never started"
            time.sleep(0.02)
        session.terminate()
        out, err = session.communicate(timeout=40)
    assert "interrupted" in err
    assert "not judged" in out
    assert processes_of(fake) == []


def command_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []
