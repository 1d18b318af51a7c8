"""A run of override.yaml and its label, as GitHub shows them."""

from typing import Any

from pipeline.review.gate.override import LABEL


def override_run(run: int, pull: int, person: str, commit: str, **changes: Any) -> dict[str, Any]:
    """This person runs override.yaml for a commit of the pull request; by the label, where nothing else is said."""
    return {
        "id": run,
        "path": ".github/workflows/override.yaml",
        "event": "pull_request_target",
        "head_sha": commit,
        "head_branch": "feature",
        "display_title": f"overrule #{pull} at {commit}",
        "triggering_actor": {"login": person, "type": "User"},
        "status": "in_progress",
        "conclusion": None,
    } | changes


def labeled(pull: int, person: str) -> dict[str, Any]:
    """The event that this person set the label."""
    return {"issue": pull, "event": "labeled", "label": LABEL, "actor": person}
