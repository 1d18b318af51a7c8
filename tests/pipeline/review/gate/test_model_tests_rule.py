"""The project's tests of the model are a rule of the gate."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import PipelineError
from pipeline.review.comment.render import render
from pipeline.review.gate import measurement_verdict, model_tests_rule
from pipeline.review.gate.verdict import Rule
from pipeline.review.measure import model_tests
from pipeline.review.measure.model_tests import FILE, ModelTests
from tests.pipeline.review.comment.factories import bounds, bundle, context, scored
from tests.pipeline.review.comment.reading import tags, visible_text
from tests.pipeline.review.gate.scored_tables import evaluate

BAD = {"name": "test_risk::test_late[<img src=x>]", "message": "@everyone | assert 1 < 0"}


def outcome(**changes: Any) -> ModelTests:
    return ModelTests.model_validate({"state": "ended", "subject": "0" * 64, "seconds": 12.3, **changes})


@pytest.mark.parametrize(
    ("tests", "verdict", "sentence"),
    [
        (None, "note", "the project has no tests of the model in tests/project/model/"),
        (outcome(passed=1500), "pass", "1,500 passed"),
        (outcome(passed=2, skipped=1), "pass", "2 passed; 1 skipped"),
        (outcome(skipped=3), "note", "no test ran; 3 skipped"),
        (outcome(passed=2, failed=1, failures=[BAD]), "fail", f"1 of 3 failed: {BAD['name']}"),
        (outcome(passed=2, failed=0, failures=[BAD]), "fail", f"1 of 3 failed: {BAD['name']}"),
        (outcome(state="timeout"), "fail", "did not end within 12 seconds"),
        (outcome(state="broken", reason="pytest ended"), "fail", "could not run: pytest ended"),
    ],
)
def test_a_failed_test_fails_and_no_test_is_a_note(tests: ModelTests | None, verdict: str, sentence: str) -> None:
    rule = model_tests_rule.rule(tests)
    assert (rule.verdict, rule.sentence) == (verdict, sentence)


def test_a_failed_test_fails_the_pull_request_and_is_shown_harmless(tmp_path: Path) -> None:
    measured = bundle(tmp_path, champion=scored(seed=1))
    (tmp_path / FILE).write_text(outcome(passed=2, failed=1, failures=[BAD]).model_dump_json())
    verdict = measurement_verdict.judge(measured, bounds(), evaluate(), [])
    assert verdict.verdict == "fail"
    text = render(measured, verdict, context())
    assert "1 of 3 failed" in visible_text(text)
    assert BAD["name"] in visible_text(text)
    assert "img" not in tags(text)
    assert "@everyone" not in visible_text(text)


def test_a_pull_request_whose_model_is_mains_needs_no_tests(tmp_path: Path) -> None:
    verdict = measurement_verdict.judge(bundle(tmp_path, outcome="unchanged"), bounds(), evaluate(), [])
    assert "model_tests" not in [rule.kind for rule in verdict.rules]


def test_a_damaged_file_is_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"state": "fine"}))
    with pytest.raises(PipelineError, match=r"^model_tests\.json: .*; run the measurement again$"):
        measurement_verdict.judge(bundle(tmp_path, champion=scored(seed=1)), bounds(), evaluate(), [])


def test_a_laptop_reads_the_measurement_where_it_is_of_this_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("measured")

    def current_rule() -> Rule:
        return model_tests_rule.work_tree_rule(folder)

    assert "no tests of the model" in current_rule().sentence
    for path in (model_tests.TESTS / "test_it.py", Path("models/model.txt"), folder / FILE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert "is not of this model" in current_rule().sentence
    (folder / FILE).write_text(outcome(passed=3, subject=model_tests.subject()).model_dump_json())
    assert (current_rule().verdict, current_rule().sentence) == ("pass", "3 passed")
    Path("models/model.txt").write_text("trained anew")
    assert (current_rule().verdict, "is not of this model" in current_rule().sentence) == ("note", True)
