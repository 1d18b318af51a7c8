"""`pipeline gate`: gather the scores of both models, judge, print the verdict."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.core import dvc_lock, figures, files, params
from pipeline.core.errors import listed
from pipeline.evaluation import scoring, seed_spread
from pipeline.review.baseline import champion
from pipeline.review.baseline.scored import TEST, ScoredBaseline, score_baseline, scored_rows
from pipeline.review.gate import model_tests_rule, procedure, work_tree
from pipeline.review.gate.data_rules import drift_report
from pipeline.review.gate.judge import judge
from pipeline.review.gate.verdict import Rule, Verdict, worst

if TYPE_CHECKING:
    import pandas as pd

SCORES = Path("reports/scores.parquet")
QUALITY, VERDICT = Path("reports/data_quality.json"), Path("reports/verdict.json")
MARKS = {"pass": "✓", "note": "·", "warn": "!", "fail": "✗"}
REPORTED = {"warn", "fail"}
COLOURS = {"pass": "green", "note": None, "warn": "yellow", "fail": "red"}


@click.command(short_help="Judge the model against the champion.")
@click.option("--base", help="Git revision whose dvc.lock names the champion (default: the remote's default branch).")
@click.option("--rebuild", is_flag=True, help="Train a champion again whose files are unavailable.")
@click.option("--scores", type=click.Path(path_type=Path), default=SCORES, show_default=True)
@click.option("--test", type=click.Path(path_type=Path), default=TEST, show_default=True)
@click.option("--quality", type=click.Path(path_type=Path), default=QUALITY, show_default=True)
@click.option("--drift", type=click.Path(path_type=Path), help="Drift report of this training data against the base's.")
@click.option("--json", "target", type=click.Path(path_type=Path), default=VERDICT, show_default=True)
def command(
    base: str | None, rebuild: bool, scores: Path, test: Path, quality: Path, drift: Path | None, target: Path
) -> None:
    """Judge the model of this work tree against the champion; exit 1 where the verdict is fail."""
    if scores == SCORES:
        dvc_lock.check()
    verdict = decide(base, rebuild, scores, test, quality, drift)
    files.write_json(target, verdict.data())
    for line in [*details(verdict), *procedure.note(), *_acceptance_notice(base)]:
        click.echo(line)
    click.get_current_context().exit(1 if verdict.verdict == "fail" else 0)


def _acceptance_notice(base: str | None) -> list[str]:
    """Lines where the work tree changes what judges: whose bounds judged here, and that a person must accept it."""
    try:
        revision = champion.base_revision(base, Path())
    except champion.NoChampionError:
        return []
    changed = work_tree.changes(revision)
    bounds = work_tree.changed_bounds(revision)
    notices = [f"this work tree changes what judges ({listed(changed)}): on a pull request a person must accept that"]
    if bounds:
        judged = f"judged here by this work tree's bounds; `make report` and the pull request go by those of {revision}"
        notices.append(f"{judged} ({listed(bounds)})")
    return notices if changed else []


def decide(
    base: str | None = None,
    rebuild: bool = False,
    scores: Path = SCORES,
    test: Path = TEST,
    quality: Path = QUALITY,
    drift: Path | None = None,
) -> Verdict:
    """The verdict on this work tree's model; PipelineError where the stages have not run."""
    knobs = params.read()
    candidate = scoring.read(scores)
    table = partial(scored_rows, test, knobs.data.key, candidate)
    baseline_at = partial(_scored_baseline, candidate=candidate, task=knobs.task, table=table, rebuild=rebuild)
    verdict = judge(
        candidate,
        baseline_at(base),
        baseline_at(knobs.gate.reference) if knobs.gate.reference else None,
        knobs.gate,
        files.read_json(quality) if quality.exists() else None,
        drift_report(files.read_json(drift, "pipeline drift --json"), f"--drift: {drift}", "`pipeline drift` writes it")
        if drift
        else None,
        spread=seed_spread.read(knobs.task.type, knobs.task.target, knobs.gate.primary),
    )
    rules = (*verdict.rules, model_tests_rule.work_tree_rule())
    return replace(verdict, verdict=worst(rules), rules=rules)


def _scored_baseline(
    base: str | None,
    candidate: scoring.Scored,
    task: params.TaskSection,
    table: Callable[[], "pd.DataFrame"],
    rebuild: bool,
) -> ScoredBaseline:
    model = champion.find(base)
    if reason := work_tree.another_project(model.base, task):
        return ScoredBaseline(model.base, "unscorable", reason=reason)
    if rebuild and model.state == "missing" and model.hashes:
        from pipeline.review.baseline.rebuild import rebuild as build

        click.echo(f"gate: training the model of {model.base} again, in a work tree of it ...")
        model = build(model)
    return score_baseline(model, candidate, task.target, table)


def details(verdict: Verdict) -> list[str]:
    """The verdict as aligned lines: mark, rule, figure with interval, bound, sentence."""
    rows = [(rule, _cells(rule)) for rule in verdict.rules]
    widths = [max(len(cells[column]) for _, cells in rows) for column in range(3)]
    lines = [
        " ".join([_mark(rule), *(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)), rule.sentence])
        for rule, cells in rows
    ]
    return [*lines, *_thresholds(verdict), _closing_line(verdict)]


def _thresholds(verdict: Verdict) -> list[str]:
    """A line where the decision threshold is another than the champion's: precision and recall move with it."""
    thresholds = verdict.thresholds
    if thresholds is None or thresholds.candidate is None or thresholds.champion in (None, thresholds.candidate):
        return []
    assert thresholds.champion is not None
    moves = ", ".join(
        f"{change.metric} {figures.number(change.champion or 0)} to {figures.number(change.candidate or 0)}"
        for change in thresholds.common
    )
    threshold = f"{figures.number(thresholds.champion)} to {figures.number(thresholds.candidate)}"
    return [f"decision threshold {threshold}; with both models at the champion's: {moves}"]


def summary(verdict: Verdict) -> list[str]:
    """The verdict in short: what the model was compared with, the rules that warn or fail, and the verdict."""
    reported = [rule for rule in verdict.rules if rule.kind == "champion" or rule.verdict in REPORTED]
    return [*(f"  {_mark(rule)} {one_line(rule)}" for rule in reported), _closing_line(verdict)]


def one_line(rule: Rule) -> str:
    """A rule with its figure, bound and sentence."""
    title, figure, bound = _cells(rule)
    return ": ".join(filter(None, [title, ", ".join(filter(None, [figure, bound])), rule.sentence]))


def _closing_line(verdict: Verdict) -> str:
    return click.style(f"gate: {verdict.verdict}", fg=COLOURS[verdict.verdict], bold=True)


def _mark(rule: Rule) -> str:
    return click.style(MARKS[rule.verdict], fg=COLOURS[rule.verdict])


def _cells(rule: Rule) -> tuple[str, str, str]:
    return rule.title, _figure(rule), "" if rule.bound is None else f"bound {rule.bound:g}"


def _figure(rule: Rule) -> str:
    """The rule's figure, with its interval where it has one and the champion's where that is known."""
    if rule.value is None or math.isnan(rule.value):
        return ""
    if rule.lower is None:  # a count or a share, which has no interval
        return f"{rule.value:.4g}"
    if not rule.is_gain:
        text = figures.estimate(rule.value, rule.lower, rule.upper)
        return text if rule.champion is None else f"{text}, champion {figures.number(rule.champion)}"
    value, lower, upper = figures.changes(rule.value, rule.lower, rule.upper)
    return f"{value} ({lower} to {upper})" if lower else f"{value} ({figures.FEW} for an interval)"
