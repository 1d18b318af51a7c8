"""What a release carries of its verdict, and when that refuses it."""

import json
from typing import Any

import pytest

from pipeline.ship.release import ledger, manifest, verdict
from pipeline.ship.release.verdict import Overruling, ReleaseVerdict
from tests.pipeline.ship.deploy.hosts_in_memory import release

ANN = Overruling(by="ann", at="2026-11-21T10:00:00+00:00", reason="a trial", pull_request=7)


def judged(**changes: Any) -> ReleaseVerdict:
    content = {"outcome": "fail", "failing": ["Floor"], "warnings": [], "origin": "ledger", "commit": "c", "model": "m"}
    return ReleaseVerdict(**content | changes)


@pytest.mark.parametrize(
    ("changes", "refused", "line"),
    [
        ({"outcome": "pass"}, False, "gate: pass"),
        ({"outcome": "warn"}, False, "gate: warn"),
        ({}, True, "gate: fail"),
        ({"overruled": ANN}, False, "gate: fail, overruled by ann: a trial"),
        ({"serves": True}, False, "gate: fail (production serves this model already)"),
    ],
)
def test_only_a_failed_verdict_that_nobody_overruled_refuses(changes: dict[str, Any], refused: bool, line: str) -> None:
    assert (judged(**changes).refused, str(judged(**changes))) == (refused, line)


@pytest.mark.parametrize(("serving", "stands"), [("m", True), ("own", True), ("other", False), ("", False)])
def test_a_verdict_stands_while_the_same_model_serves_or_the_release_itself(serving: str, stands: bool) -> None:
    assert judged(outcome="pass").stands("own", serving) is stands
    assert judged().stands("own", serving) is False


def test_it_is_part_of_the_file_the_label_and_the_ledger() -> None:
    one = release("a" * 12, format=2).model_copy(update={"verdict": judged(overruled=ANN)})
    assert manifest.parse(one.model_dump_json(), "release.json") == one
    assert manifest.parse(manifest.label(one), "label") == one.model_copy(update={"image": ""})
    entry = ledger.new_entry("serving", one)
    assert entry["verdict"] == {
        "outcome": "fail",
        "commit": "c",
        "model": "m",
        "overruled": {"by": "ann", "at": "2026-11-21T10:00:00+00:00", "reason": "a trial", "pull_request": 7},
    }
    (row,) = ledger.rows(ledger.parse([json.dumps(entry)], "ledger"), in_progress=False)
    assert row.verdict == "gate: fail, overruled by ann: a trial"


def test_a_release_without_a_verdict_says_so() -> None:
    assert verdict.line(None) == "no verdict: an older version of the template made this release"
    assert "verdict" not in ledger.new_entry("serving", release("a" * 12))
