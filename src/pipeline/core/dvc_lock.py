"""Whether `dvc.lock` fits its inputs: it may not after a merge of pull requests that were never measured together."""

from pathlib import Path
from typing import Any

import click

from pipeline.core import dvc_repo, files
from pipeline.core.errors import PipelineError, listed
from pipeline.core.git import git

SIGNATURE = Path("models/signature.json")
RECORDED = ("dvc.lock", "reports/metrics.json", "data/source.json")  # what the pipeline makes and git keeps


@click.command()
def command() -> None:
    """Say whether dvc.lock fits dvc.yaml, params.yaml, the code and the data, also in a clone without a cache."""
    problems = mismatches()
    if problems:
        raise PipelineError(
            "\n".join([*problems, "dvc.lock does not fit its inputs; run `make run` and commit the result"])
        )
    notes = [note for note in (uncommitted(), not_reproducible()) if note]
    click.echo(
        "; ".join([f"dvc.lock fits its inputs, but {notes[0]}", *notes[1:]]) if notes else "dvc.lock fits its inputs"
    )


def uncommitted() -> str:
    """A clause where the lock, or what is recorded beside it, is not what git's HEAD has; empty where it is."""
    status = git(Path(), "status", "--porcelain", "--", *RECORDED)
    paths = [line[3:] for line in status.stdout.splitlines()] if status.returncode == 0 else []
    if not paths:
        return ""
    return (
        f"{listed(paths)} {'is' if len(paths) == 1 else 'are'} not committed: commit what was measured before you push"
    )


def not_reproducible(signature: Path = SIGNATURE) -> str:
    """A clause where the model here was trained on a GPU; empty where it was not, or there is no model."""
    if not signature.is_file() or files.read_json(signature).get("device") == "cpu":
        return ""
    return "the model was trained on a GPU: no other machine can make its bytes again, so push them to a DVC remote"


def check() -> None:
    """PipelineError where dvc.lock does not fit: figures of its outputs would be those of another model."""
    if problems := mismatches():
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise PipelineError(
            f"the model here was not made from this work tree ({problems[0]}{more}); run `make run` first"
        )


def mismatches() -> list[str]:
    """One line for each input or output that differs from dvc.lock; empty where all fit.

    A missing output counts as the one that the lock names. PipelineError outside a DVC repository, or where a merge
    left a conflict in the lock or in the recorded metrics.
    """
    with dvc_repo.opened() as repo, repo.lock:
        return [line for stage in dvc_repo.own_stages(repo) for line in _stage_mismatches(repo, stage)]


def _stage_mismatches(repo: Any, stage: Any) -> list[str]:
    name = stage.addressing
    if any(out.hash_info.value is None for out in stage.outs):
        return [f"{name}: is not in dvc.lock: it was never run"]
    lines = [f"{name}: its command has changed"] if stage.changed_stage() else []
    for dep in stage.deps:
        lines += [f"{name}: {change}" for change in _dependency_mismatches(repo, dep)]
    for out in stage.outs:
        if out.exists and (out.changed_checksum() or dvc_repo.altered_files(out)):
            lines.append(f"{name}: {out.def_path} is not the one that dvc.lock names")
    return lines


def _dependency_mismatches(repo: Any, dep: Any) -> list[str]:
    from dvc.dependency import ParamsDependency

    if isinstance(dep, ParamsDependency):
        changed = dep.status().get(dep.def_path, {})
        if isinstance(changed, str):
            return [f"parameters of {dep.def_path}: {changed}"]
        return [f"parameter {key} of {dep.def_path}: {change}" for key, change in sorted(changed.items())]
    outputs = repo.find_outs_by_path(str(dep.fs_path), strict=False) if _is_output(repo, dep) else []
    for output in outputs:
        if output.hash_info != dep.hash_info:
            return [f"{dep.def_path}: dvc.lock names one version as an output and another as an input"]
    if outputs:
        return []
    if not dep.exists:
        return [f"{dep.def_path}: is missing"]
    return [f"{dep.def_path}: has changed"] if dep.status() else []


def _is_output(repo: Any, dep: Any) -> bool:
    return any(out.fs_path == dep.fs_path for out in repo.index.outs)
