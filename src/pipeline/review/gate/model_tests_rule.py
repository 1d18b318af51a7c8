"""The rule on the project's own tests of the model: it fails where one of them does."""

from pathlib import Path

from pipeline.core.errors import PipelineError, listed
from pipeline.review.gate.verdict import Rule
from pipeline.review.measure import measurement, model_tests
from pipeline.review.measure.model_tests import ModelTests


def rule(outcome: ModelTests | None) -> Rule:
    """The rule on the tests' outcome; a note where the project has no tests of the model."""
    if outcome is None:
        return Rule("model_tests", "note", f"the project has no tests of the model in {model_tests.TESTS}/")
    if outcome.state == "timeout":
        return Rule("model_tests", "fail", f"did not end within {outcome.seconds:,.0f} seconds")
    if outcome.state == "broken":
        return Rule("model_tests", "fail", f"could not run: {outcome.reason}")
    failed = max(outcome.failed, len(outcome.failures))
    total = outcome.passed + failed
    skipped = f"; {outcome.skipped:,} skipped" if outcome.skipped else ""
    if failed:
        names = listed(test.name for test in outcome.failures)
        return Rule("model_tests", "fail", f"{failed:,} of {total:,} failed{skipped}: {names}")
    if not total:
        return Rule("model_tests", "note", f"no test ran{skipped}")
    return Rule("model_tests", "pass", f"{total:,} passed{skipped}")


def work_tree_rule(folder: Path | None = None) -> Rule:
    """The rule on this work tree, by its latest measurement (in `folder`) where that is of the same model and tests."""
    tests, folder = model_tests.TESTS, folder or measurement.folder()
    if not any(tests.rglob("test_*.py")):
        return rule(None)
    try:
        outcome = model_tests.parse((folder / model_tests.FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, PipelineError):
        outcome = None
    if outcome is None or outcome.subject != model_tests.subject():
        return Rule(
            "model_tests", "note", f"the latest measurement is not of this model; `.venv/bin/pytest {tests}` runs them"
        )
    return rule(outcome)
