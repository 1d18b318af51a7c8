"""`pipeline propose`: one branch and pull request for new rows, never over people's commits, and a comment."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.git import git
from pipeline.data.source.sources import File
from pipeline.watch.retrain import outcome
from pipeline.watch.retrain.outcome import Correction, Outcome, Reason
from tests.pipeline.github.conftest import Pipeline, Scene, commit

pytestmark = pytest.mark.engine

ISSUE, BRANCH = 3, "retrain/drift"
SOURCE = Path("data/source.json")


@pytest.fixture(autouse=True)
def issue(scene: Scene) -> None:
    scene.github.hub.update({"issues": [{"number": ISSUE, "title": "Drift: <age> moved", "state": "open"}]})


def write_outcome(rows: int = 512, **more: Any) -> Outcome:
    """Write what `pipeline retrain` leaves: its outcome, and the batch in data/source.json."""
    batch: dict[str, Any] = {"path": f"s3://b/added-{rows}.parquet", "size": 9, "sha256": "0" * 64}
    SOURCE.parent.mkdir(exist_ok=True)
    SOURCE.write_text(json.dumps({"added": {"files": [batch]}}))
    counts: dict[str, Any] = {
        "first": "2026-11-01 00:00",
        "last": "2026-11-02 00:00",
        "labels": 600,
        "labelled": 520,
        "rows": rows,
    }
    retrained = Outcome(state="added", sentence=f"{rows} newly labelled rows", **counts, **more).model_copy(
        update={"batch": File(**batch)}
    )
    outcome.write(retrained)
    return retrained


def pull_request(scene: Scene) -> dict[str, Any]:
    (pull,) = [data for data in scene.github.state["pulls"] if data["head"]["ref"] == BRANCH]
    assert isinstance(pull, dict)
    return pull


def tip(scene: Scene) -> str:
    return str(scene.github.state["refs"][f"heads/{BRANCH}"])


def comment(scene: Scene) -> str:
    (data,) = [data for data in scene.github.state["comments"] if data["issue"] == ISSUE]
    return str(data["body"])


def started_workflows(scene: Scene) -> list[str]:
    assert {call["ref"] for call in scene.github.state["dispatches"]} <= {BRANCH}
    return [call["workflow"] for call in scene.github.state["dispatches"]]


def test_new_rows_are_a_pull_request_that_names_the_issue_and_is_measured(scene: Scene, pipeline: Pipeline) -> None:
    reasons = (Reason(column="a|b", check="min", expected="0 or more", rows=8),)
    write_outcome(quarantined=8, quarantine="s3://b/quarantine-1.parquet", reasons=reasons, known=4, absent=("town",))

    code, printed = pipeline("propose", "--issue", str(ISSUE))

    assert code == 0, printed
    pull = pull_request(scene)
    assert pull["title"] == "Retrain on 512 newly labelled rows"
    assert pull["body"].startswith(f"Retrains for #{ISSUE}: Drift: &lt;age&gt; moved.")
    for part in ("2026-11-01 00\\:00 to 2026-11-02 00\\:00", "8 rows in quarantine", "a\\|b", "<code>town</code>"):
        assert part in pull["body"]
    head = scene.github.state["commits"][tip(scene)]
    assert head["parents"] == [scene.base]
    (entry,) = scene.github.calls("POST", "^git/trees$")[0]["body"]["tree"]
    assert (entry["path"], entry["content"]) == ("data/source.json", SOURCE.read_text())
    assert started_workflows(scene) == ["train.yaml", "test.yaml"]
    assert scene.github.state["dispatches"][0]["inputs"] == {"answer": "true"}
    assert f"#{pull['number']} adds 512 newly labelled rows" in comment(scene)


def test_the_same_rows_once_more_change_and_start_nothing(scene: Scene, pipeline: Pipeline) -> None:
    write_outcome()
    pipeline("propose", "--issue", str(ISSUE))
    run = {"id": 77, "head_sha": tip(scene), "head_branch": BRANCH, "event": "workflow_dispatch"}
    scene.github.state["runs"].append(run | {"status": "in_progress", "conclusion": None})
    before = tip(scene)

    assert pipeline("propose", "--issue", str(ISSUE))[0] == 0

    assert tip(scene) == before
    assert len(started_workflows(scene)) == 2
    assert len(scene.github.calls("PATCH", "^pulls/")) == 0
    assert comment(scene)


def test_what_was_recorded_on_the_branch_stays_while_the_rows_are_the_same(scene: Scene, pipeline: Pipeline) -> None:
    write_outcome()
    pipeline("propose")
    recorded = scene.github.hub.git.new_commit(
        {"message": "Record", "tree": scene.github.state["commits"][tip(scene)]["tree_sha"], "parents": [tip(scene)]}
    )["sha"]
    scene.github.state["refs"][f"heads/{BRANCH}"] = recorded
    scene.github.state["statuses"].append({"sha": recorded, "state": "success", "context": "gate"})

    pipeline("propose")

    assert tip(scene) == recorded
    assert len(started_workflows(scene)) == 2


def test_more_rows_update_the_same_pull_request_on_the_newest_main(scene: Scene, pipeline: Pipeline) -> None:
    write_outcome()
    pipeline("propose")
    number = pull_request(scene)["number"]
    SOURCE.unlink()
    newer = commit(scene.checkout, {"README.md": "more\n"}, "main moves on")
    write_outcome(600)

    code, printed = pipeline("propose", "--issue", str(ISSUE))

    assert code == 0, printed
    assert pull_request(scene)["number"] == number
    assert pull_request(scene)["title"] == "Retrain on 600 newly labelled rows"
    assert pull_request(scene)["head"]["sha"] == tip(scene)
    assert scene.github.state["commits"][tip(scene)]["parents"] == [newer]
    assert started_workflows(scene) == ["train.yaml", "test.yaml"] * 2


def test_commits_of_people_on_the_branch_are_not_lost(scene: Scene, pipeline: Pipeline) -> None:
    git(scene.checkout, "checkout", "-q", "-b", BRANCH)
    theirs = commit(scene.checkout, {"params.yaml": "{}\n"}, "by a person")
    git(scene.checkout, "checkout", "-q", "main")
    write_outcome()

    code, printed = pipeline("propose", "--issue", str(ISSUE))

    assert code == 2
    assert f"branch {BRANCH}: holds {theirs[:7]} by someone, which would be lost" in printed
    assert "would be lost" in comment(scene)
    assert scene.github.calls("POST", "^git/commits") == []
    assert started_workflows(scene) == []


def test_corrected_labels_alone_are_a_pull_request(scene: Scene, pipeline: Pipeline) -> None:
    retrained = write_outcome()
    assert retrained.batch is not None
    correction = Correction(former="s3://b/added-1.parquet", file=retrained.batch, labels=3)
    alone = {"rows": 0, "batch": None, "corrected": (correction,), "sentence": "3 corrected labels"}
    outcome.write(retrained.model_copy(update=alone))

    code, printed = pipeline("propose", "--issue", str(ISSUE))

    assert code == 0, printed
    assert pull_request(scene)["title"] == "Retrain on 3 corrected labels"
    assert started_workflows(scene) == ["train.yaml", "test.yaml"]


@pytest.mark.parametrize("state", ["nothing", "refused"])
def test_nothing_to_learn_from_is_no_pull_request_and_the_issue_says_why(
    scene: Scene, pipeline: Pipeline, state: Any
) -> None:
    outcome.write(Outcome(state=state, sentence="nothing to learn from: none of 3 labels is of a row"))

    assert pipeline("propose", "--issue", str(ISSUE))[0] == 0

    assert "none of 3 labels is of a row: no pull request" in comment(scene)
    assert [data["number"] for data in scene.github.state["pulls"]] == [7]
    assert started_workflows(scene) == []

    write_outcome()
    pipeline("propose", "--issue", str(ISSUE))
    assert f"#{pull_request(scene)['number']} adds" in comment(scene)


def test_a_retraining_that_broke_off_is_reported_on_the_issue(scene: Scene, pipeline: Pipeline) -> None:
    code, printed = pipeline("propose", "--issue", str(ISSUE))

    assert code == 2
    assert "did not finish" in printed
    assert "did not finish" in comment(scene)


def test_where_the_token_may_open_no_pull_request_the_error_says_how_to_go_on(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.hub.update({"may_open_pulls": False})
    write_outcome()

    code, printed = pipeline("propose", "--issue", str(ISSUE))

    assert code == 2
    assert "Allow GitHub Actions to create and approve pull requests" in printed
    assert f"/compare/main...{BRANCH}?expand=1" in printed
    assert "create and approve" in comment(scene)

    scene.github.hub.update({"may_open_pulls": True})
    assert pipeline("propose", "--issue", str(ISSUE))[0] == 0
    assert started_workflows(scene) == ["train.yaml", "test.yaml"]


def test_rows_that_a_person_refused_are_not_proposed_again(scene: Scene, pipeline: Pipeline) -> None:
    write_outcome()
    pipeline("propose")
    pull_request(scene)["state"] = "closed"

    code, printed = pipeline("propose", "--issue", str(ISSUE))

    assert code == 0
    assert "was closed: reopen it to go on" in printed
    assert pull_request(scene)["state"] == "closed"


def test_a_refusal_for_an_issue_holds_when_there_are_more_rows_until_somebody_starts_retraining(
    scene: Scene, pipeline: Pipeline
) -> None:
    write_outcome()
    pipeline("propose", "--issue", str(ISSUE))
    pull_request(scene)["state"], before = "closed", tip(scene)

    write_outcome(900)
    code, printed = pipeline("propose", "--issue", str(ISSUE))

    assert code == 0
    assert "added rows for this issue and was closed. To go on, reopen it" in printed
    assert tip(scene) == before
    assert pipeline("propose")[0] == 0
    assert tip(scene) != before


def test_a_pull_request_goes_on_naming_the_issues_that_it_was_for(scene: Scene, pipeline: Pipeline) -> None:
    write_outcome()
    pipeline("propose", "--issue", str(ISSUE))
    write_outcome(900)
    pipeline("propose")
    assert pull_request(scene)["body"].startswith(f"Retrains for #{ISSUE}.")
    scene.github.hub.update({"issues": [{"number": 8, "title": "Latency", "state": "open"}]})
    pipeline("propose", "--issue", "8")
    assert pull_request(scene)["body"].startswith(f"Retrains for #8: Latency. Retrains for #{ISSUE}.")


def test_an_issue_that_does_not_exist_stops_it_before_anything_is_written(scene: Scene, pipeline: Pipeline) -> None:
    write_outcome()

    code, printed = pipeline("propose", "--issue", "99")

    assert code == 2
    assert "could not read issue 99" in printed
    assert scene.github.calls("POST", "^git/") == []
