"""The ruleset for main requires the status that the workflows set."""

import json

from pipeline.github.client import statuses
from tests.pipeline.conftest import ROOT


def test_the_required_status_is_the_one_that_the_answer_sets() -> None:
    ruleset = json.loads((ROOT / ".github/rulesets/main.json").read_text(encoding="utf-8"))
    rules = {rule["type"]: rule.get("parameters", {}) for rule in ruleset["rules"]}
    checks = rules["required_status_checks"]
    assert [check["context"] for check in checks["required_status_checks"]] == [statuses.CONTEXT]
    assert checks["strict_required_status_checks_policy"]
    assert rules["pull_request"]["required_approving_review_count"] >= 1
    assert ruleset["enforcement"] == "active"
    assert ruleset["conditions"]["ref_name"]["include"] == ["~DEFAULT_BRANCH"]
