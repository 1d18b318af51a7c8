"""What is printed while stages run: shown, captured, and safe to publish."""

import subprocess
import sys

import pytest

from pipeline.review.measure import printed


def test_lines_of_this_process_and_its_children_are_captured_and_shown(capfd: pytest.CaptureFixture[str]) -> None:
    with printed.captured() as lines:
        subprocess.run([sys.executable, "-c", "import sys; print('out'); print('wrong', file=sys.stderr)"], check=True)
    assert sorted(line.strip() for line in lines) == ["out", "wrong"]
    assert "out" in capfd.readouterr().out


def test_what_comes_after_is_shown_but_not_captured(capfd: pytest.CaptureFixture[str]) -> None:
    with printed.captured() as lines:
        pass
    subprocess.run([sys.executable, "-c", "print('later')"], check=True)
    assert list(lines) == []
    assert capfd.readouterr().out == "later\n"


def test_a_process_that_is_left_behind_does_not_delay_the_end() -> None:
    with printed.captured(timeout=0.2):
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("line", "cleaned"),
    [
        ("\x1b[31mred\x1b[0m\n", "red"),
        ("10 %\r100 %\n", "100 %"),
        ("a\x00b\x07", "ab"),
        ("https://user:pass@example.org/x", "https://example.org/x"),
        ("\x1b]8;;https://x\x07link\x1b]8;;\x07", "link"),
    ],
)
def test_a_line_is_cleaned(line: str, cleaned: str) -> None:
    assert printed.clean(line) == cleaned


def test_secrets_of_the_environment_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret-value")
    assert printed.clean("key=very-secret-value") == "key=***"


def test_the_last_forty_lines_are_kept_each_cut() -> None:
    lines = printed.last_lines([f"{index} " + "x" * 5000 for index in range(100)] + ["", "  "])
    assert len(lines) == 40
    assert lines[-1].startswith("99 ")
    assert max(map(len, lines)) == 1000
