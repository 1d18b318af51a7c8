"""`pipeline propose`: one branch and one pull request for new rows, never over people's work, and the issue is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.git import git
from pipeline.data.source.sources import File
from pipeline.github.drift_issue.retraining import BRANCH
from pipeline.watch.retrain import outcome
from pipeline.watch.retrain.outcome import Outcome, Reason
from tests.pipeline.github.conftest import Pipeline, Scene, commit

pytestmark = pytest.mark.engine

ISSUE = 3
SOURCE = Path("data/source.json")


@pytest.fixture(autouse=True)
def issue(scene: Scene) -> None:
    scene.github.hub.update({"issues": [{"number": ISSUE, "title": "Drift: <age> moved", "state": "open"}]})


def found(rows: int = 512, **more: Any) -> Outcome:
    """What `pipeline retrain` leaves: its outcome, and the batch in data/source.json."""
    batch: dict[str, Any] = {"path": f"s3://b/added-{rows}.parquet", "size": 9, "sha256": "0" * 64}
    SOURCE.parent.mkdir(exist_ok=True)
    SOURCE.write_text(json.dumps({"added": {"files": [batch]}}))
    told: dict[str, Any] = {
        "first": "2026-11-01 00:00",
        "last": "2026-11-02 00:00",
        "labels": 600,
        "labelled": 520,
        "rows": rows,
    }
    made = Outcome(state="added", sentence=f"{rows} newly labelled rows", **told, **more).model_copy(
        update={"batch": File(**batch)}
    )
    outcome.write(made)
    return made


def proposed(scene: Scene) -> dict[str, Any]:
    (pull,) = [data for data in scene.github.state["pulls"] if data["head"]["ref"] == BRANCH]
    assert isinstance(pull, dict)
    return pull


def tip(scene: Scene) -> str:
    return str(scene.github.state["refs"][f"heads/{BRANCH}"])


def told(scene: Scene) -> str:
    (comment,) = [data for data in scene.github.state["comments"] if data["issue"] == ISSUE]
    return str(comment["body"])


def started(scene: Scene) -> list[str]:
    assert {call["ref"] for call in scene.github.state["dispatches"]} <= {BRANCH}
    return [call["workflow"] for call in scene.github.state["dispatches"]]


def test_new_rows_are_a_pull_request_that_names_the_issue_and_is_measured(scene: Scene, pipeline: Pipeline) -> None:
    reasons = (Reason(column="a|b", check="min", expected="0 or more", rows=8),)
    found(quarantined=8, quarantine="s3://b/quarantine-1.parquet", reasons=reasons, known=4, absent=("town",))

    code, said = pipeline("propose", "--issue", str(ISSUE))

    assert code == 0, said
    pull = proposed(scene)
    assert pull["title"] == "Retrain on 512 newly labelled rows"
    assert pull["body"].startswith(f"Retrains for #{ISSUE}: Drift: &lt;age&gt; moved.")
    for part in ("2026-11-01 00\\:00 to 2026-11-02 00\\:00", "8 rows in quarantine", "a\\|b", "<code>town</code>"):
        assert part in pull["body"]
    made = scene.github.state["commits"][tip(scene)]
    assert made["parents"] == [scene.base]
    (entry,) = scene.github.calls("POST", "^git/trees$")[0]["body"]["tree"]
    assert (entry["path"], entry["content"]) == ("data/source.json", SOURCE.read_text())
    assert started(scene) == ["train.yaml", "test.yaml"]
    assert scene.github.state["dispatches"][0]["inputs"] == {"answer": "true"}
    assert f"#{pull['number']} brings 512 newly labelled rows" in told(scene)


def test_the_same_rows_once_more_change_and_start_nothing(scene: Scene, pipeline: Pipeline) -> None:
    found()
    pipeline("propose", "--issue", str(ISSUE))
    run = {"id": 77, "head_sha": tip(scene), "head_branch": BRANCH, "event": "workflow_dispatch"}
    scene.github.state["runs"].append(run | {"status": "in_progress", "conclusion": None})
    before = tip(scene)

    assert pipeline("propose", "--issue", str(ISSUE))[0] == 0

    assert tip(scene) == before
    assert len(started(scene)) == 2
    assert len(scene.github.calls("PATCH", "^pulls/")) == 0
    assert told(scene)


def test_what_was_recorded_on_the_branch_stays_while_the_rows_are_the_same(scene: Scene, pipeline: Pipeline) -> None:
    found()
    pipeline("propose")
    recorded = scene.github.hub.git.new_commit(
        {"message": "Record", "tree": scene.github.state["commits"][tip(scene)]["tree_sha"], "parents": [tip(scene)]}
    )["sha"]
    scene.github.state["refs"][f"heads/{BRANCH}"] = recorded
    scene.github.state["statuses"].append({"sha": recorded, "state": "success", "context": "gate"})

    pipeline("propose")

    assert tip(scene) == recorded
    assert len(started(scene)) == 2


def test_more_rows_update_the_same_pull_request_on_the_newest_main(scene: Scene, pipeline: Pipeline) -> None:
    found()
    pipeline("propose")
    number = proposed(scene)["number"]
    SOURCE.unlink()
    newer = commit(scene.checkout, {"README.md": "more\n"}, "main moves on")
    found(600)

    code, said = pipeline("propose", "--issue", str(ISSUE))

    assert code == 0, said
    assert proposed(scene)["number"] == number
    assert proposed(scene)["title"] == "Retrain on 600 newly labelled rows"
    assert proposed(scene)["head"]["sha"] == tip(scene)
    assert scene.github.state["commits"][tip(scene)]["parents"] == [newer]
    assert started(scene) == ["train.yaml", "test.yaml"] * 2


def test_what_people_put_on_the_branch_is_not_thrown_away(scene: Scene, pipeline: Pipeline) -> None:
    git(scene.checkout, "checkout", "-q", "-b", BRANCH)
    theirs = commit(scene.checkout, {"params.yaml": "{}\n"}, "by a person")
    git(scene.checkout, "checkout", "-q", "main")
    found()

    code, said = pipeline("propose", "--issue", str(ISSUE))

    assert code == 2
    assert f"branch {BRANCH}: holds {theirs[:7]} by someone, which would be lost" in said
    assert "would be lost" in told(scene)
    assert scene.github.calls("POST", "^git/commits") == []
    assert started(scene) == []


@pytest.mark.parametrize("state", ["nothing", "refused"])
def test_nothing_to_learn_from_is_no_pull_request_and_the_issue_says_why(
    scene: Scene, pipeline: Pipeline, state: Any
) -> None:
    outcome.write(Outcome(state=state, sentence="nothing to learn from: none of 3 labels is of a row"))

    assert pipeline("propose", "--issue", str(ISSUE))[0] == 0

    assert "none of 3 labels is of a row: no pull request" in told(scene)
    assert [data["number"] for data in scene.github.state["pulls"]] == [7]
    assert started(scene) == []

    found()
    pipeline("propose", "--issue", str(ISSUE))
    assert f"#{proposed(scene)['number']} brings" in told(scene)


def test_a_retraining_that_broke_off_is_told(scene: Scene, pipeline: Pipeline) -> None:
    code, said = pipeline("propose", "--issue", str(ISSUE))

    assert code == 2
    assert "did not finish" in said
    assert "did not finish" in told(scene)


def test_where_the_token_may_open_no_pull_request_it_is_said_how_to_go_on(scene: Scene, pipeline: Pipeline) -> None:
    scene.github.hub.update({"may_open_pulls": False})
    found()

    code, said = pipeline("propose", "--issue", str(ISSUE))

    assert code == 2
    assert "Allow GitHub Actions to create and approve pull requests" in said
    assert f"/compare/main...{BRANCH}?expand=1" in said
    assert "create and approve" in told(scene)

    scene.github.hub.update({"may_open_pulls": True})
    assert pipeline("propose", "--issue", str(ISSUE))[0] == 0
    assert started(scene) == ["train.yaml", "test.yaml"]


def test_rows_that_a_person_refused_are_not_proposed_again(scene: Scene, pipeline: Pipeline) -> None:
    found()
    pipeline("propose")
    proposed(scene)["state"] = "closed"

    code, said = pipeline("propose", "--issue", str(ISSUE))

    assert code == 0
    assert "was closed: reopen it to go on" in said
    assert proposed(scene)["state"] == "closed"


def test_a_refusal_for_an_issue_holds_when_there_are_more_rows_until_somebody_asks(
    scene: Scene, pipeline: Pipeline
) -> None:
    found()
    pipeline("propose", "--issue", str(ISSUE))
    proposed(scene)["state"], before = "closed", tip(scene)

    found(900)
    code, said = pipeline("propose", "--issue", str(ISSUE))

    assert code == 0
    assert "brought rows for this issue and was closed. Reopen it" in said
    assert tip(scene) == before
    assert pipeline("propose")[0] == 0
    assert tip(scene) != before


def test_a_pull_request_goes_on_naming_the_issues_that_it_was_for(scene: Scene, pipeline: Pipeline) -> None:
    found()
    pipeline("propose", "--issue", str(ISSUE))
    found(900)
    pipeline("propose")
    assert proposed(scene)["body"].startswith(f"Retrains for #{ISSUE}.")
    scene.github.hub.update({"issues": [{"number": 8, "title": "Latency", "state": "open"}]})
    pipeline("propose", "--issue", "8")
    assert proposed(scene)["body"].startswith(f"Retrains for #8: Latency. Retrains for #{ISSUE}.")


def test_an_issue_that_is_not_there_stops_it_before_anything_is_made(scene: Scene, pipeline: Pipeline) -> None:
    found()

    code, said = pipeline("propose", "--issue", "99")

    assert code == 2
    assert "could not read issue 99" in said
    assert scene.github.calls("POST", "^git/") == []
