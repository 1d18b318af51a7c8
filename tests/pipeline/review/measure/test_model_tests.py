"""The project's tests of the model are run in a process of their own, and however they end is an outcome."""

import json
from pathlib import Path

import pytest

from pipeline.core.errors import PipelineError
from pipeline.review.measure import model_tests
from pipeline.review.measure.model_tests import ModelTests
from tests.pipeline.runner.processes import wait_for


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the plugins that are installed here, which take pytest some seconds to import."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def project(folder: Path, text: str, model: str = "a model") -> Path:
    for name, content in {"models/model.txt": model, "tests/project/model/test_it.py": text}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def outcome(folder: Path, text: str, timeout: float = 60) -> ModelTests:
    tests = model_tests.run(project(folder, text), timeout)
    assert tests is not None
    assert model_tests.parse(tests.model_dump_json()) == tests
    return tests


def test_passed_skipped_and_failed_tests_are_counted_and_the_failed_named(tmp_path: Path) -> None:
    tests = outcome(
        tmp_path,
        "import pytest\n"
        "def test_good(): pass\n"
        "@pytest.mark.skip\ndef test_later(): pass\n"
        "@pytest.mark.parametrize('value', [1, 2])\ndef test_small(value):\n    assert value < 2, 'too\\tlarge'\n"
        "@pytest.fixture\ndef broken(): raise OSError('no model')\n"
        "def test_on_it(broken): pass\n",
    )
    assert (tests.state, tests.passed, tests.skipped, tests.failed) == ("ended", 2, 1, 2)
    assert [test.name for test in tests.failures] == ["test_it::test_small[2]", "test_it::test_on_it"]
    assert tests.failures[0].message == "AssertionError: too large"
    assert tests.failures[1].message == "OSError: no model"


def test_a_file_that_can_not_be_imported_is_a_failure(tmp_path: Path) -> None:
    tests = outcome(tmp_path, "import nowhere\ndef test_it(): pass\n")
    assert (tests.state, tests.failed) == ("ended", 1)
    assert "nowhere" in tests.failures[0].message


def test_tests_that_end_the_process_are_broken_not_passed(tmp_path: Path) -> None:
    tests = outcome(tmp_path, "import os\ndef test_it(): os._exit(0)\n")
    assert (tests.state, tests.passed) == ("broken", 0)
    assert tests.reason == "pytest left no report (status 0); its output says why"


def test_tests_that_do_not_end_are_killed_with_all_that_they_started(tmp_path: Path) -> None:
    text = (
        "import pathlib, subprocess, time\n"
        "def test_it():\n"
        "    child = subprocess.Popen(['sleep', '600'])\n"
        "    pathlib.Path('child').write_text(str(child.pid))\n"
        "    time.sleep(600)\n"
    )
    for timeout in (4, 16, 64):  # seconds; a busy machine may take long to begin
        tests = outcome(tmp_path, text, timeout=timeout)
        if (tmp_path / "child").exists():
            break
    assert (tests.state, tests.passed, tests.failed) == ("timeout", 0, 0)
    child = Path("/proc", (tmp_path / "child").read_text(), "stat")
    wait_for(lambda: not child.exists() or child.read_text().split()[2] == "Z")


@pytest.mark.parametrize("text", ["", "def helper(): pass\n"])
def test_a_project_without_tests_has_no_outcome(tmp_path: Path, text: str) -> None:
    assert model_tests.run(tmp_path) is None
    assert model_tests.run(project(tmp_path, text)) is None


def test_no_secret_of_the_environment_is_in_the_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "s3cr3t-value")
    tests = outcome(tmp_path, "import os\ndef test_it(): raise ValueError(os.environ['SOME_TOKEN'])\n")
    assert tests.failures[0].message == "ValueError: ***"


def test_the_subject_changes_with_the_model_and_with_the_tests(tmp_path: Path) -> None:
    texts = [("def test_it(): pass\n", "a model"), ("def test_it(): pass\n", "another"), ("import os\n", "another")]
    subjects = [model_tests.subject(project(tmp_path, text, model)) for text, model in texts]
    assert len({*subjects}) == 3
    assert subjects[-1] == model_tests.subject(tmp_path)


GOOD = {"format": 1, "state": "ended", "subject": "0" * 64, "seconds": 1.0, "passed": 3}


def test_what_a_later_version_adds_is_ignored() -> None:
    assert model_tests.parse(json.dumps({**GOOD, "coverage": 0.9})).passed == 3


def test_text_of_the_file_is_one_short_line_without_controls() -> None:
    failures = [{"name": "\x1b[31mred\n\r" + "x" * 5000, "message": "a\u0000b"}]
    (failed,) = model_tests.parse(json.dumps({**GOOD, "failures": failures})).failures
    assert failed.name.isprintable()
    assert len(failed.name) <= model_tests.LENGTH
    assert failed.message == "ab"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format: Input should be 1"),
        ({"state": "fine"}, "state: Input should be"),
        ({"passed": -1}, "passed: "),
        ({"passed": 10**9}, "passed: "),
        ({"failures": [{"name": "a", "message": "b"}] * 101}, "failures: "),
        ({"subject": "x"}, "subject: "),
    ],
)
def test_a_file_of_another_shape_is_a_one_line_error(change: dict[str, object], message: str) -> None:
    with pytest.raises(PipelineError, match=f"^model_tests.json: {message}") as raised:
        model_tests.parse(json.dumps({**GOOD, **change}))
    assert "\n" not in str(raised.value)
    with pytest.raises(PipelineError, match=r"^model_tests\.json: "):
        model_tests.parse("{" * 100_000)
