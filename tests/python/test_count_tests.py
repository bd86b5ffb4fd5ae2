"""The closing lines of each test runner, as .ci/count_tests.py adds them up."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "count_tests.py"
spec = importlib.util.spec_from_file_location("count_tests", SCRIPT)
assert spec is not None
assert spec.loader is not None
count_tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(count_tests)

LINES = [
    ("     Summary [   0.012s] 12 tests run: 12 passed, 3 skipped", (12, 0)),
    ("     Summary [   1.234s] 12 tests run: 9 passed (1 slow, 1 leaky), 2 failed, 1 timed out", (9, 3)),
    ("     Summary [   0.012s] 1 test run: 0 passed, 1 exec failed, 0 skipped", (0, 1)),
    ("     Summary [   2.9s] 5/12 tests run: 4 passed, 1 failed, 0 skipped", (4, 1)),
    ("test result: ok. 7 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s", (7, 0)),
    ("test result: FAILED. 6 passed; 1 failed; 0 ignored; 0 measured; finished in 0.00s", (6, 1)),
    ("============ 10 passed in 0.43s ============", (10, 0)),
    ("===== 2 failed, 10 passed, 1 skipped, 3 warnings, 4 errors in 61.20s (0:01:01) =====", (10, 6)),
    ("210 passed in 2.40s", (210, 0)),
    ("1 failed, 2 passed, 1 deselected, 1 xfailed in 2.40s", (2, 1)),
    ("=== 1 error in 0.10s ===", (0, 1)),
    ("=== no tests ran in 0.01s ===", (0, 0)),
    ("4 passed, 0 failed", (4, 0)),
    ("3 passed, 1 failed", (3, 1)),
    ("the summary said: 4 passed, 0 failed", (0, 0)),
    ("FAILED tests/x.py::test_y - assert '3 failed' == '2 failed'", (0, 0)),
]


@pytest.mark.parametrize("line, counts", LINES)
def test_one_closing_line(line: str, counts: tuple[int, int]) -> None:
    assert count_tests.count(f"before\n{line}\nafter\n") == counts


def test_the_sum_and_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = []
    for number, (line, _) in enumerate(LINES):
        log = tmp_path / f"{number}.log"
        log.write_text(line)
        logs.append(str(log))
    passed, failed = (sum(column) for column in zip(*(counts for _, counts in LINES), strict=True))
    assert count_tests.main(logs) == 1
    assert count_tests.main(logs[:1]) == 0
    assert count_tests.main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{passed} passed, {failed} failed", "12 passed, 0 failed", "0 passed, 0 failed"]
