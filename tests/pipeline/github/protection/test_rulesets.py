"""The ruleset for main requires the statuses that the workflows set."""

import json

from pipeline.github.client import statuses
from pipeline.github.protection import rulesets
from pipeline.github.pull_request import report_tests
from tests.pipeline.conftest import ROOT


def test_the_required_statuses_are_those_that_main_sets() -> None:
    ruleset = json.loads((ROOT / ".github/rulesets/main.json").read_text(encoding="utf-8"))
    rules = {rule["type"]: rule.get("parameters", {}) for rule in ruleset["rules"]}
    checks = rules["required_status_checks"]
    assert [check["context"] for check in checks["required_status_checks"]] == [
        statuses.CONTEXT,
        report_tests.CONTEXT,
    ]
    assert checks["strict_required_status_checks_policy"]
    assert rules["pull_request"]["required_approving_review_count"] >= 1
    assert ruleset["enforcement"] == "active"
    assert ruleset["conditions"]["ref_name"]["include"] == ["~DEFAULT_BRANCH"]


def test_the_status_of_each_pipeline_is_required_from_its_app_and_another_status_stays() -> None:
    test = {"context": "test", "integration_id": 15368}
    checks = [{"context": "gate", "integration_id": 15368}, test]
    rule = {"type": "required_status_checks", "parameters": {"required_status_checks": checks}}
    adapted = rulesets.adapted({"rules": [rule]}, ["gate", "gate/churn"], 7, alone=False)
    assert adapted["rules"][0]["parameters"]["required_status_checks"] == [
        {"context": "gate", "integration_id": 7},
        {"context": "gate/churn", "integration_id": 7},
        test,
    ]
