"""`make run`: look at the source, run what changed, log it, judge it, and say where to look."""

import contextlib
import functools
import hashlib
import threading
import time
from pathlib import Path

import click

from pipeline.core import files, params
from pipeline.core.git import git
from pipeline.core.tasks import METRICS
from pipeline.train.reproduce import LOCK, check_names, refresh_source, reproduce

METRICS_FILE, JUDGED = Path("reports/metrics.json"), Path(".pipeline/judged.json")
FORMAT = 1  # of judged.json, a cache: one of any other format is written anew


@click.command()
@click.option("--force", is_flag=True, help="Run every stage again.")
def command(force: bool) -> None:
    """Fetch, run what changed, log it to MLflow, judge it."""
    start = time.perf_counter()
    knobs = params.read()
    check_names(knobs)
    refresh_source(knobs.data)
    ran = reproduce(_prepare_at_a_stage, force=force)
    log_run()
    judged = judge(knobs)
    did = f"{len(ran)} stages ran" if ran else "Nothing has changed: no stage ran"
    click.echo(f"\n{click.style(did, bold=True)} ({time.perf_counter() - start:.0f} s)\n")
    for line in [*headline(knobs), "", *judged, "", *where_to_look()]:
        click.echo(line)


def _prepare_at_a_stage(message: str) -> None:
    """From the first stage on this process waits, and prepares the end."""
    if message.startswith("Running stage"):
        _prepare()


@functools.cache
def _prepare() -> threading.Thread:
    thread = threading.Thread(target=_import_the_end, daemon=True)
    thread.start()
    return thread


def _import_the_end() -> None:
    """Import what logging and judging need; what can't be imported is said where it is used."""
    with contextlib.suppress(Exception):
        from pipeline.review.gate import command  # noqa: F401
        from pipeline.train.tracking import mlflow_runs

        mlflow_runs.load()


def log_run() -> None:
    """Log what MLflow lacks; a server that is down is said and changes nothing here."""
    from pipeline.train.tracking import track

    if track.pending():
        track.track()


def judge(knobs: params.Params) -> list[str]:
    """The verdict in short; judged again only where the model, the bounds, the judge or the champion has changed."""
    state = _state(knobs)
    known = files.read_json(JUDGED) if JUDGED.is_file() else {}
    if (known.get("format"), known.get("state")) == (FORMAT, state):
        return list(known["lines"])
    from pipeline.review.gate import command as gate

    verdict = gate.decide()
    files.write_json(gate.VERDICT, verdict.data())
    lines = gate.summary(verdict)
    if not any(rule.kind in ("champion", "reference") and rule.verdict == "warn" for rule in verdict.rules):
        files.write_json(JUDGED, {"format": FORMAT, "state": state, "lines": lines})  # else: perhaps found next time
    return lines


def _state(knobs: params.Params) -> str:
    """A hash of all that the verdict follows from."""
    from pipeline.review.baseline import champion
    from pipeline.review.gate import project_tests

    code = [path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py"))]
    names = [*champion.BASES, *filter(None, [knobs.gate.reference])]
    commits = [git(Path(), "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").stdout for name in names]
    texts = [knobs.gate.model_dump_json(), repr(project_tests.work_tree_rule()), *commits]
    parts = [LOCK.read_bytes(), *code, *(text.encode() for text in texts)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def headline(knobs: params.Params) -> list[str]:
    """The task's metrics with their intervals."""
    metrics = files.read_json(METRICS_FILE)
    confidence = f"{knobs.evaluate.confidence:.0%} interval"
    found = [(name, metrics[name]) for name in METRICS[knobs.task.type] if metrics.get(name)]
    return [
        f"  {name:<18}{one['value']:>12.4f}   {confidence} {one['lower']:.4f} to {one['upper']:.4f}"
        for name, one in found
        if one["value"] is not None
    ]


def where_to_look() -> list[str]:
    return [
        "  reports/model_card.md   the model, its metrics, slices, fairness and limits",
        "  make gate               every rule of the gate",
        "  make ui                 all runs in MLflow",
        "  dvc.lock, reports/metrics.json, data/source.json   commit them with your change",
    ]
