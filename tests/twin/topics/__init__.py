"""The scenarios, by topic. Each module has a list `SCENARIOS`; this one joins them."""

from __future__ import annotations

from twin.scenario import Scenario
from twin.topics import (
    command_line,
    config_files,
    environ,
    hooks,
    logs,
    outlook,
    processes,
    signals,
    sockets,
    wire,
)

SCENARIOS: list[Scenario] = [
    scenario
    for topic in (
        command_line,
        config_files,
        environ,
        hooks,
        logs,
        outlook,
        processes,
        signals,
        sockets,
        wire,
    )
    for scenario in topic.SCENARIOS
]
