"""The model that `dvc.lock` names, and the rows that it was judged on: from wherever their bytes can be had."""

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import click

from pipeline.core import files, lock
from pipeline.core.errors import PipelineError
from pipeline.core.yaml import load_yaml
from pipeline.review.baseline.champion import cache_folder

LOCK, MODEL, SIGNATURE = Path("dvc.lock"), "models/model.txt", "models/signature.json"
TEST, SCORES = "data/split/test.parquet", "reports/scores.parquet"
NEEDED = (MODEL, SIGNATURE, TEST, SCORES)  # by a release
WATCHED = (*NEEDED, "data/split/train.parquet")  # by the monitor, which compares with it


@click.command()
def command() -> None:
    """Bring what the monitor compares with, as dvc.lock names it: from the cache, the DVC remote, or trained again."""
    click.echo(f"restored: {', '.join(acquire(needed=WATCHED))}")


def acquire(root: Path = Path(), needed: Collection[str] = NEEDED) -> Mapping[str, str]:
    """Bring these outputs into the work tree and return their MD5s, which are those of dvc.lock.

    PipelineError where the lock does not fit its inputs, or its bytes are nowhere to be had.
    """
    if problems := lock.mismatches():
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise PipelineError(
            f"{LOCK}: does not fit its inputs ({problems[0]}{more}), so nobody has measured this model; "
            "run `make run` and commit the result"
        )
    named = outputs(root, needed)
    for bring in (_from_cache, _from_remote, _rebuilt):
        if missing := {path: md5 for path, md5 in named.items() if not is_there(root / path, md5)}:
            bring(root, missing)
    lacking = [path for path, md5 in named.items() if not is_there(root / path, md5)]
    if not lacking:
        return named
    raise PipelineError(
        f"{LOCK}: training again on the CPU gave other bytes than it names for {', '.join(lacking)}; "
        "a model that was trained on a GPU, or on another platform, needs the DVC remote: set DVC_REMOTE_URL"
    )


def outputs(root: Path, needed: Collection[str] = NEEDED) -> dict[str, str]:
    """The MD5s that dvc.lock names for these outputs; PipelineError where it names none."""
    stages = (load_yaml(root / LOCK, str(LOCK)) or {}).get("stages", {})
    outs = [out for stage in stages.values() for out in stage.get("outs", [])]
    named = {out["path"]: str(out["md5"]) for out in outs if out["path"] in needed}
    if lacking := [path for path in needed if path not in named]:
        raise PipelineError(f"{LOCK}: does not name {lacking[0]}; run `make run` and commit the result")
    return named


def is_there(path: Path, md5: str) -> bool:
    return path.is_file() and files.md5(path) == md5


def _from_cache(root: Path, missing: Mapping[str, str]) -> None:
    for path, md5 in missing.items():
        cached = cache_folder(root) / "files/md5" / md5[:2] / md5[2:]
        if is_there(cached, md5):
            with files.replacing(root / path) as temporary:
                shutil.copyfile(cached, temporary)


def _from_remote(root: Path, missing: Mapping[str, str]) -> None:
    from pipeline.review.measure import remote

    if remote.configured(root):
        click.echo("bringing what dvc.lock names from the DVC remote ...")
        remote.fetch(missing.values())
        _from_cache(root, missing)


def _rebuilt(root: Path, missing: Mapping[str, str]) -> None:
    from pipeline.review.baseline.rebuild import run_again

    click.echo("the model's bytes are in no cache and on no remote; training it again on the CPU ...")
    run_again("HEAD", root, missing, lambda _: None)
    _from_cache(root, missing)
