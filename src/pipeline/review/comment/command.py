"""`pipeline report`: the pull request's comment on a laptop, without a network."""

import json
from pathlib import Path
from typing import Any

import click

from pipeline.core import dvc_lock, files, params
from pipeline.data.contract import schema
from pipeline.data.source import sources
from pipeline.evaluation import seed_spread
from pipeline.evaluation.seed_spread import SeedSpread
from pipeline.features import package
from pipeline.markup import preview
from pipeline.review.comment import render
from pipeline.review.gate import measurement_verdict as pull_request_gate
from pipeline.review.gate import work_tree
from pipeline.review.measure import command as measure

COMMENT, PAGE = Path("reports/pull_request.md"), Path("reports/pull_request.html")


@click.command(short_help="Write the pull request's comment for this work tree.")
@click.option("--base", help="Git revision to compare with (default: the remote's default branch).")
def command(base: str | None) -> None:
    """Compare this work tree with the base, judge it, and write the comment and a page that shows it."""
    bundle = measure.measure(base, run=False, rebuild=False)
    commit = bundle.measurement.base_commit
    main = work_tree.params_at(commit)
    gate, evaluate, judged_by = _settings(main, bundle.measurement.base)
    spread = _spread(main, gate.primary, _json(work_tree.file_at(commit, str(seed_spread.PATH))))
    verdict = pull_request_gate.judge(bundle, gate, evaluate, work_tree.changes(commit), spread)
    context = render.Context(
        main_params=main,
        main_metrics=_json(work_tree.file_at(commit, "reports/metrics.json")),
        main_schema=work_tree.yaml_at(commit, str(schema.PATH)),
        main_source=_json(work_tree.file_at(commit, str(sources.FINGERPRINT))),
        main_features=work_tree.python_files_at(commit, str(package.FOLDER)),
    )
    text = render.render(bundle, verdict, context)
    files.write_text(COMMENT, text)
    preview.write(text, PAGE)
    if note := dvc_lock.uncommitted():
        click.echo(note)
    click.echo(f"gate: {verdict.verdict}\njudged by {judged_by}\n{COMMENT}\n{PAGE}")


def _settings(main: dict[str, Any], base: str) -> tuple[params.Gate, params.Evaluate, str]:
    """Main's bounds and groups, this work tree's where main has none that fit; and whose they are."""
    try:
        gate, evaluate = params.Gate.model_validate(main["gate"]), params.Evaluate.model_validate(main["evaluate"])
    except (KeyError, ValueError):
        return params.read().gate, params.read().evaluate, f"this work tree's bounds ({base} has none that fit)"
    return gate, evaluate, f"the bounds of {base}"


def _spread(main: dict[str, Any], metric: str, content: dict[str, Any] | None) -> SeedSpread | None:
    """What main knows of other seeds; None where it does not say for its target and metric."""
    task = main.get("task")
    if content is None or not isinstance(task, dict):
        return None
    return seed_spread.parse(content, task.get("type"), task.get("target"), metric)


def _json(text: str | None) -> dict[str, Any] | None:
    try:
        content = json.loads(text or "null")
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
