"""Adds up the closing lines of the test runners in the logs given, and prints the sum as one line.

.ci/run calls it: `count_tests.py LOG...`. It knows nextest, cargo test, pytest and the plain line that
.ci/smoke.py prints. The exit code is 1 if a test failed or none ran. It does not judge the runners' exit
codes: .ci/run does.
"""

import re
import sys
from pathlib import Path

# One entry per runner: what marks its closing line, and the counts in it. A pytest error (a fixture that
# failed) and a nextest time-out are failures. "12 passed, 0 failed" without more is the plain line.
CLOSING = re.compile(
    r"^\s*Summary \[.*tests? run:(?P<nextest>.*)$"
    r"|^test result: \w+\.(?P<cargo>.*); \d+ ignored"
    r"|^=*\s?(?P<pytest>\d+ (?:passed|failed|error|skipped|deselected|xfailed|xpassed).*) in [\d.]+s\b"
    r"|^(?P<plain>\d+ passed, \d+ failed)$"
)
COUNT = re.compile(r"(\d+) (passed|failed|errors?|timed out|exec failed)\b")


def count(text: str) -> tuple[int, int]:
    """How many tests passed and failed according to the closing lines of `text`."""
    passed = failed = 0
    for line in text.splitlines():
        closing = CLOSING.match(line)
        if closing is None:
            continue
        for number, outcome in COUNT.findall(closing[closing.lastgroup or 0]):
            if outcome == "passed":
                passed += int(number)
            else:
                failed += int(number)
    return passed, failed


def main(paths: list[str]) -> int:
    """Print the closing line for all of `paths`; the exit code."""
    counts = [count(Path(path).read_text(errors="replace")) for path in paths]
    passed, failed = sum(p for p, _ in counts), sum(f for _, f in counts)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
