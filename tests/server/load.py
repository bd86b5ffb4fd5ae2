"""Clients that ask without pause while a test does something to the server, and count what went wrong.

Used by the tests of this area. Half of the clients keep their connection, half make a new one for every
request.
"""

from __future__ import annotations

import threading
from types import TracebackType

from harness import Client, Server, wait_until


class Load:
    """`with Load(server) as load:` runs until the block ends; `failures` says what was not answered with
    200.
    """

    def __init__(self, server: Server, target: str = "/", clients: int = 4) -> None:
        assert server.address is not None
        self.failures: list[str] = []
        self.answers: list[bytes] = []
        self._address = server.address
        self._target = target
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number % 2 == 0,), daemon=True)
            for number in range(clients)
        ]

    def _run(self, keeps_connection: bool) -> None:
        while not self._is_over.is_set():
            try:
                with Client(self._address, deadline_s=20.0) as client:
                    while self._ask(client) and keeps_connection and not self._is_over.is_set():
                        pass
            except (OSError, AssertionError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")

    def _ask(self, client: Client) -> bool:
        """One request; whether the connection may be used for another."""
        response = client.get(self._target)
        if response.status != 200:
            raise AssertionError(f"status {response.status}")
        self.answers.append(response.body)
        return not response.wants_close()

    def wait_answers(self, count: int) -> None:
        """Wait until `count` more requests have been answered."""
        wanted = len(self.answers) + count
        wait_until(lambda: len(self.answers) >= wanted, f"{count} more answers ({self.failures[:3]})")

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        self.wait_answers(len(self._threads))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(30)
