"""The rule on the project's own tests of the model: it fails where one of them does."""

from pathlib import Path

from pipeline.core.errors import PipelineError, listed
from pipeline.review.gate.verdict import Rule
from pipeline.review.measure import measurement, model_tests
from pipeline.review.measure.model_tests import ModelTests


def rule(found: ModelTests | None) -> Rule:
    """What the tests say of the model; a project without any is told so."""
    if found is None:
        return Rule("model_tests", "note", f"the project has no tests of the model in {model_tests.TESTS}/")
    if found.state == "timeout":
        return Rule("model_tests", "fail", f"did not end within {found.seconds:,.0f} seconds")
    if found.state == "broken":
        return Rule("model_tests", "fail", f"could not run: {found.reason}")
    failed = max(found.failed, len(found.failures))
    total = found.passed + failed
    skipped = f"; {found.skipped:,} skipped" if found.skipped else ""
    if failed:
        named = listed(test.name for test in found.failures)
        return Rule("model_tests", "fail", f"{failed:,} of {total:,} failed{skipped}: {named}")
    if not total:
        return Rule("model_tests", "note", f"no test ran{skipped}")
    return Rule("model_tests", "pass", f"{total:,} passed{skipped}")


def rule_here(folder: Path = measurement.FOLDER) -> Rule:
    """The rule on this work tree, by its latest measurement in `folder` where that is of the same model and tests."""
    tests = model_tests.TESTS
    if not any(tests.rglob("test_*.py")):
        return rule(None)
    try:
        found = model_tests.parse((folder / model_tests.FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, PipelineError):
        found = None
    if found is None or found.subject != model_tests.subject():
        return Rule(
            "model_tests", "note", f"the latest measurement is not of this model; `.venv/bin/pytest {tests}` runs them"
        )
    return rule(found)
