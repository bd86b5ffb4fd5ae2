"""Plays one case once: a fresh connection, the bytes in the pieces of this pass, the steps, the answer.

Called by test_cases.py. It does not know what is right; judge.py does.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from typing import Any

from harness import Client, DeadlineError, Response
from harness.wire import WireError
from http1.cases import DEADLINE_S, FOLLOWED_BY_REJECTION, Case, raw_bytes, responses_of

_ANSWER_S = 8.0
_ENDLESS_BODY_BYTES = 4096
_PROBE = b"GET /echo?probe HTTP/1.1\r\nHost: probe.test\r\n\r\n"


@dataclass
class Observed:
    """What happened. `ending`: synced (the probe was answered in step), closed, reset, open or dropped (by
    us).
    """

    port: int
    responses: list[Response] = field(default_factory=list)
    ending: str = "open"
    rest: bytes = b""
    error: str = ""
    is_read_before_end: bool = False
    answer_ms: float = 0.0

    def describe(self) -> str:
        """One line for a failure message."""
        parts = [f"{[i.status for i in r.interim] or ''}{r.status}" for r in self.responses]
        tail = f" rest={self.rest[:120]!r}" if self.rest else ""
        return f"{' '.join(parts) or 'nothing'} {self.ending}{tail} {self.error}".strip()


class Player:
    """One case on one connection. `piece_bytes` 0 sends everything in one write."""

    def __init__(self, case: Case, address: Any, piece_bytes: int) -> None:
        self.case = case
        self.raw = raw_bytes(case)
        self.piece_bytes = piece_bytes
        self.client = Client(address, _ANSWER_S)
        self.seen = Observed(self.client.local_port)
        self.sent_bytes = 0
        self.started = time.monotonic()

    def play(self) -> Observed:
        """Send, step by step, then read what is expected of this case."""
        with self.client:
            try:
                for step in self.case.get("steps") or [{"send": "all"}]:
                    self._step(step)
                if self.seen.ending == "open":
                    self._read_outcome()
            except (DeadlineError, WireError) as error:
                self.seen.error = f"{type(error).__name__}: {error}"
        return self.seen

    # Steps

    def _step(self, step: dict[str, Any]) -> None:
        if "send" in step:
            self._send(self._part(step["send"]))
        elif "send_split" in step:
            self._send_split(self.piece_bytes or step["send_split"], step["wait_ms"] / 1000)
        elif "send_split_at" in step:
            self._send_at_line_ends(step["wait_ms"] / 1000)
        elif "send_oob" in step:
            self.client.socket.send(step["send_oob"].encode(), socket.MSG_OOB)
        elif "half_close" in step:
            self.client.shutdown_write()
        elif "read" in step:
            self.seen.is_read_before_end = len(self.client.read_bytes(step["read"])) == step["read"]
        elif "rst" in step:
            self.client.rst()
            self.seen.ending = "dropped"
        elif "close" in step:
            self.client.close()
            self.seen.ending = "dropped"
        elif "idle_s" in step:
            self.client.deadline_s = DEADLINE_S + 3.0
            self.client.socket.settimeout(self.client.deadline_s)
        elif step.get("expect") == "100":
            self._expect_continue()
        elif step.get("expect") != "close":
            raise ValueError(f"a step that the runner does not know: {step}")

    def _part(self, name: str) -> bytes:
        head_bytes = self.raw.find(b"\r\n\r\n") + 4
        if name == "all":
            return self.raw
        if name == "headers":
            return self.raw[:head_bytes]
        if name == "body":
            return self.raw[head_bytes:]
        if name == "rest":
            return self.raw[self.sent_bytes :]
        return self.raw[: int(name.split()[1])]

    def _send(self, data: bytes) -> None:
        self.sent_bytes += len(data)
        if self.piece_bytes:
            self.client.send_pieces(data, self.piece_bytes)
        else:
            self.client.send(data)

    def _send_split(self, piece_bytes: int, wait_s: float) -> None:
        """Pieces with a wait that ends early when the server has something to say."""
        for start in range(0, len(self.raw), piece_bytes):
            if not self.client.send(self.raw[start : start + piece_bytes]):
                return
            if self.client.is_readable(wait_s):
                return

    def _send_at_line_ends(self, wait_s: float) -> None:
        head, cr, body = self.raw.partition(b"\r\n\r\n")
        for piece in (*(head + cr).replace(b"\r\n", b"\r\0\n").split(b"\0"), body[:2], body[2:]):
            self.client.send(piece)
            self.client.is_readable(wait_s)

    def _expect_continue(self) -> None:
        """Wait for the interim response, without taking it: the final response is read together with it."""
        if not self.client.is_readable(_ANSWER_S):
            raise DeadlineError("no 100 before the body was sent")

    # Reading

    def _read_outcome(self) -> None:
        methods = [line.split(b" ")[0] for line in self.raw.lstrip(b"\r\n").split(b"\r\n\r\n")]
        method = "HEAD" if methods[0].endswith(b"HEAD") else "CONNECT" if methods[0] == b"CONNECT" else "GET"
        sent_at = time.monotonic()
        is_last = self.case["ours"].endswith("close")
        for number in range(responses_of(self.case) if not is_last else 1_000):
            response = self.client.try_response(method if number == 0 else "GET", _ENDLESS_BODY_BYTES)
            if number == 0:
                self.seen.answer_ms = (time.monotonic() - sent_at) * 1000
            if response is None:
                self.seen.ending = "reset" if self.client.is_reset else "closed"
                return
            self.seen.responses.append(response)
            if is_last and not response.wants_close():
                self._hurry()
            if response.is_cut:
                self.seen.ending = "closed" if response.framing == "close" else "open"
                return
        self._read_second_half()

    def _hurry(self) -> None:
        """The end was expected and was not announced: do not wait long for it."""
        self.client.deadline_s = 1.5
        self.client.socket.settimeout(1.5)

    def _read_second_half(self) -> None:
        """After the last expected response: the connection must be in step, or end as the case says."""
        case_id = self.case["id"]
        if any(step.get("expect") == "close" for step in self.case.get("steps", ())):
            self.seen.rest = self.client.read_to_end()
            self.seen.ending = "reset" if self.client.is_reset else "closed"
            return
        if case_id in FOLLOWED_BY_REJECTION:
            second = self.client.read_response()
            self.seen.rest = self.client.read_to_end()
            self.seen.ending = "rejected" if second.status == 400 and not self.seen.rest else "unexpected"
            return
        self.client.send(_PROBE)
        probe = self.client.try_response()
        if probe is None:
            self.seen.ending = "reset" if self.client.is_reset else "closed"
        elif probe.status == 200 and probe.header("x-oracle") and probe.json()["query"] == "probe":
            self.seen.ending = "synced"
        else:
            self.seen.ending = f"out of step: {probe.status} {probe.body[:200]!r}"
