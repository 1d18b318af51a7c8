"""What is printed while stages run: shown, kept, and fit to be shown to anybody."""

import subprocess
import sys

import pytest

from pipeline.review.measure import printed


def test_lines_of_this_process_and_its_children_are_kept_and_shown(capfd: pytest.CaptureFixture[str]) -> None:
    with printed.kept() as lines:
        subprocess.run([sys.executable, "-c", "import sys; print('out'); print('wrong', file=sys.stderr)"], check=True)
    assert sorted(line.strip() for line in lines) == ["out", "wrong"]
    assert "out" in capfd.readouterr().out


def test_what_comes_after_is_shown_but_not_kept(capfd: pytest.CaptureFixture[str]) -> None:
    with printed.kept() as lines:
        pass
    subprocess.run([sys.executable, "-c", "print('later')"], check=True)
    assert list(lines) == []
    assert capfd.readouterr().out == "later\n"


def test_a_process_that_is_left_behind_does_not_hold_the_end_up() -> None:
    with printed.kept(patience=0.2):
        left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    left.kill()
    left.wait()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[31mred\x1b[0m\n", "red"),
        ("10 %\r100 %\n", "100 %"),
        ("a\x00b\x07", "ab"),
        ("https://user:pass@example.org/x", "https://example.org/x"),
        ("\x1b]8;;https://x\x07link\x1b]8;;\x07", "link"),
    ],
)
def test_a_line_is_cleaned(line: str, shown: str) -> None:
    assert printed.clean(line) == shown


def test_secrets_of_the_environment_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret-value")
    assert printed.clean("key=very-secret-value") == "key=***"


def test_the_last_forty_lines_are_kept_each_cut() -> None:
    found = printed.tidy([f"{place} " + "x" * 5000 for place in range(100)] + ["", "  "])
    assert len(found) == 40
    assert found[-1].startswith("99 ")
    assert max(map(len, found)) == 1000
