"""`pipeline report`: the pull request's comment on a laptop, without a network."""

import json
from pathlib import Path
from typing import Any

import click

from pipeline.core import files, params
from pipeline.core.git import git
from pipeline.markup import preview
from pipeline.review.comment import render
from pipeline.review.gate import pull_request as pull_request_gate
from pipeline.review.measure import command as measure
from pipeline.review.measure.measurement import Measurement

COMMENT, PAGE = Path("reports/pull_request.md"), Path("reports/pull_request.html")


@click.command(short_help="Write the pull request's comment for this work tree.")
@click.option("--base", help="Git revision to compare with (default: origin/main, else main).")
def command(base: str | None) -> None:
    """Compare this work tree with the base, judge it, and write the comment and a page that shows it."""
    bundle = measure.measure(base, run=False, rebuild=False)
    commit = bundle.measurement.base_commit
    main = params_at(commit)
    gate, changed = _gate(main), _changed(bundle.measurement, main)
    verdict = pull_request_gate.judge(bundle, gate, changed)
    context = render.Context(main_params=main, main_metrics=_json(_at(commit, "reports/metrics.json")))
    text = render.render(bundle, verdict, context)
    files.write_text(COMMENT, text)
    preview.write(text, PAGE)
    click.echo(f"gate: {verdict.verdict}\n{COMMENT}\n{PAGE}")


def params_at(commit: str | None) -> dict[str, Any]:
    """params.yaml of a commit as plain dictionaries; {} where it has none or it is no YAML."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe").load(_at(commit, "params.yaml") or "")
    except YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def _gate(main: dict[str, Any]) -> params.Gate:
    """Main's bounds; this work tree's where main has none that fit."""
    try:
        return params.Gate.model_validate(main["gate"])
    except (KeyError, ValueError):
        return params.read().gate


def _changed(measurement: Measurement, main: dict[str, Any]) -> list[str]:
    """What the work tree changes of the judge."""
    commit = measurement.base_commit
    if commit is None:
        return []
    paths = git(Path(), "diff", "--name-only", "--relative", commit).stdout.splitlines()
    mine = params.read().gate.model_dump(mode="json")
    return pull_request_gate.touches_judge(paths, bool(main) and _gate(main).model_dump(mode="json") != mine)


def _at(commit: str | None, path: str) -> str | None:
    found = git(Path(), "show", f"{commit}:./{path}") if commit else None
    return found.stdout if found and found.returncode == 0 else None


def _json(text: str | None) -> dict[str, Any] | None:
    try:
        found = json.loads(text or "null")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
