"""`make run`: check the source, run what changed, log it, judge it, and print the result."""

import contextlib
import functools
import hashlib
import threading
import time
from pathlib import Path

import click
from pydantic import BaseModel

from pipeline.core import figures, files, params, report_shapes
from pipeline.core.git import git
from pipeline.core.tasks import DEVIANCES, metrics_of
from pipeline.train.reproduce import LOCK, check_names, refresh_source, reproduce, retraining_problems

METRICS_FILE, JUDGED = Path("reports/metrics.json"), Path(".pipeline/judged.json")
FORMAT = 1  # of judged.json, a cache: one of another format is replaced


class Judged(BaseModel):
    """The verdict of the last run in short, and a hash of all that it depends on."""

    format: int
    state: str
    lines: list[str]


@click.command()
@click.option("--force", is_flag=True, help="Run every stage again.")
def command(force: bool) -> None:
    """Fetch, run what changed, log it to MLflow, judge it."""
    start = time.perf_counter()
    knobs = params.read()
    check_names(knobs)
    for line in retraining_problems(knobs):
        click.echo(f"warning: {line}", err=True)
    refresh_source(knobs.data)
    ran = reproduce(_import_during_stage, force=force)
    log_run()
    verdict = judge(knobs)
    summary = f"{len(ran)} {'stage' if len(ran) == 1 else 'stages'} ran" if ran else "Nothing has changed: no stage ran"
    click.echo(f"\n{click.style(summary, bold=True)} ({time.perf_counter() - start:.0f} s)\n")
    for line in [*metric_lines(knobs), "", *verdict, "", *next_steps()]:
        click.echo(line)


def _import_during_stage(message: str) -> None:
    """Import during the first stage, while this process waits, what is needed after the last one."""
    if message.startswith("Running stage"):
        _start_import()


@functools.cache
def _start_import() -> threading.Thread:
    thread = threading.Thread(target=_import_for_end, daemon=True)
    thread.start()
    return thread


def _import_for_end() -> None:
    """Import what logging and judging need; an import error is raised again where it is used."""
    with contextlib.suppress(Exception):
        from pipeline.review.gate import command  # noqa: F401
        from pipeline.train.tracking import mlflow_runs

        mlflow_runs.load()


def log_run() -> None:
    """Log to MLflow what it lacks; where its server is down, that is printed and the run goes on."""
    from pipeline.train.tracking import track

    if track.pending():
        track.track()


def judge(knobs: params.Params) -> list[str]:
    """The verdict in short; judged again only where the model, the bounds, the code or the champion has changed."""
    state = _state(knobs)
    cached = files.read_cache(JUDGED, Judged)
    if cached and (cached.format, cached.state) == (FORMAT, state):
        return list(cached.lines)
    from pipeline.review.gate import command as gate
    from pipeline.review.gate import procedure

    verdict = gate.decide()
    files.write_json(gate.VERDICT, verdict.data())
    lines = [*gate.summary(verdict), *procedure.note()]
    if not any(rule.kind in ("champion", "reference") and rule.verdict == "warn" for rule in verdict.rules):
        judged = Judged(format=FORMAT, state=state, lines=lines)
        files.write_json(JUDGED, judged.model_dump())  # else: perhaps found next time
    return lines


def _state(knobs: params.Params) -> str:
    """A hash of all inputs of the verdict."""
    from pipeline.evaluation import seed_spread
    from pipeline.review.baseline import champion
    from pipeline.review.gate import model_tests_rule

    code = [path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py"))]
    names = [*champion.default_bases(Path()), *filter(None, [knobs.gate.reference])]
    commits = [git(Path(), "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").stdout for name in names]
    texts = [knobs.gate.model_dump_json(), repr(model_tests_rule.work_tree_rule()), *commits]
    seeds = seed_spread.PATH.read_bytes() if seed_spread.PATH.is_file() else b""
    parts = [LOCK.read_bytes(), seeds, *code, *(text.encode() for text in texts)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def metric_lines(knobs: params.Params) -> list[str]:
    """The task's metrics with their intervals."""
    metrics = report_shapes.read(METRICS_FILE, "metrics")
    names = metrics_of(knobs.task.type, DEVIANCES.get(knobs.train.objective))
    available = [(name, metrics[name]) for name in names if metrics.get(name)]
    return [
        f"  {name:<18}{figures.number(metric['value']):>12}   {_interval(metric, knobs)}"
        for name, metric in available
        if metric["value"] is not None
    ]


def _interval(metric: dict[str, float | None], knobs: params.Params) -> str:
    lower, upper = metric["lower"], metric["upper"]
    if lower is None or upper is None:
        return f"{figures.FEW} for an interval"
    return f"{knobs.evaluate.confidence:.0%} interval {figures.number(lower)} to {figures.number(upper)}"


def next_steps() -> list[str]:
    return [
        "  reports/model_card.md   the model, its metrics, slices, fairness and limits",
        "  make gate               every rule of the gate",
        "  make ui                 all runs in MLflow",
        "  dvc.lock, reports/metrics.json, data/source.json   commit them with your change",
    ]
