"""The repository's rulesets: those that .github/rulesets/ describes, beside those that GitHub has."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.github.client import api, statuses
from pipeline.github.protection.settings import Setting

FOLDER = Path(".github/rulesets")
PUSH = "push"  # target of a ruleset that GitHub has for private and internal repositories of paid plans alone
NO_RULESETS = (
    "this repository is private and its plan has no rulesets: there the status `gate` informs and blocks nothing. "
    "They need a public repository, GitHub Pro or GitHub Team"
)


def settings(contexts: Sequence[str], app: int | None, *, public: bool, alone: bool) -> Iterator[Setting]:
    """Each ruleset that the repository can have.

    `contexts`: the statuses of its pipelines, which `app` sets; `alone`: nobody else could approve.
    """
    existing = _existing(public)
    for path in sorted(FOLDER.glob("*.json")):
        wanted = adapted(_read(path), contexts, app, alone=alone)
        if wanted.get("target") == PUSH and public:
            continue
        number = existing.get(wanted["name"])
        current = None if number is None else _ruleset(number)
        yield Setting(f"ruleset {wanted['name']}", current, wanted, partial(_write, number, wanted))


def adapted(ruleset: Any, contexts: Sequence[str], app: int | None, *, alone: bool) -> Any:
    """The ruleset of the file for this repository: no review where nobody can give one, and in place of the status
    `gate` that of each pipeline, set by the App."""
    for rule in ruleset["rules"]:
        if rule["type"] == "pull_request" and alone:
            rule["parameters"]["required_approving_review_count"] = 0
        if rule["type"] == "required_status_checks":
            checks = rule["parameters"]["required_status_checks"]
            rule["parameters"]["required_status_checks"] = [
                own for check in checks for own in _of_each_pipeline(check, contexts, app)
            ]
    return ruleset


def _of_each_pipeline(check: Any, contexts: Sequence[str], app: int | None) -> list[Any]:
    """A required check as it is; the check of `gate` once for each pipeline."""
    if check["context"] != statuses.CONTEXT:
        return [check]
    source = check if app is None else check | {"integration_id": app}
    return [source | {"context": context} for context in contexts]


def _existing(public: bool) -> dict[str, int]:
    """The ids of the repository's own rulesets by name; PipelineError where its plan has none."""
    try:
        rulesets = list(api.pages("rulesets?includes_parents=false", purpose="list the rulesets"))
    except api.RefusedError as refusal:
        if refusal.status == 403 and not public:
            raise PipelineError(NO_RULESETS) from None
        raise
    return {data["name"]: data["id"] for data in rulesets}


def _ruleset(number: int) -> Any:
    return api.call("GET", f"rulesets/{number}", purpose=f"read ruleset {number}")


def _write(number: int | None, wanted: Any) -> None:
    purpose = f"write the ruleset {wanted['name']}"
    if number is None:
        api.call("POST", "rulesets", wanted, purpose=purpose, retry=False)
    else:
        api.call("PUT", f"rulesets/{number}", wanted, purpose=purpose)


def _read(path: Path) -> Any:
    try:
        ruleset = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise PipelineError(f"{path}: is no JSON ({problem})") from None
    if not isinstance(ruleset, dict) or not {"name", "rules"} <= set(ruleset):
        raise PipelineError(f"{path}: is no ruleset; it needs at least `name` and `rules`")
    return ruleset
