"""Restores the model that `dvc.lock` names, and its test rows: from the cache, the DVC remote, or trained again."""

from collections.abc import Collection, Mapping
from pathlib import Path

import click

from pipeline.core import dvc_lock
from pipeline.core.errors import PipelineError
from pipeline.core.yaml import load_yaml
from pipeline.review.baseline import dvc_outputs
from pipeline.review.baseline.champion import FEATURES, cached_file

LOCK, MODEL, SIGNATURE = Path("dvc.lock"), "models/model.txt", "models/signature.json"
MODELS, MEASURED = "models", "models/measured"  # folders of the model that ships, and of the one that was measured
TEST, SCORES = "data/split/test.parquet", "reports/scores.parquet"
QUALITY = "reports/data_quality.json"
# What a release needs.
MEASURED_OUTPUTS = (f"{MEASURED}/model.txt", f"{MEASURED}/signature.json", SCORES, QUALITY)
RELEASE_OUTPUTS = (MODEL, SIGNATURE, FEATURES, TEST, *MEASURED_OUTPUTS)
# What the monitor needs, to compare with.
MONITOR_OUTPUTS = (MODEL, SIGNATURE, TEST, SCORES, "data/split/train.parquet", "data/split/validation.parquet")


def acquire(root: Path = Path(), needed: Collection[str] = RELEASE_OUTPUTS) -> Mapping[str, str]:
    """Restore these outputs into the work tree and return their MD5s, which are those of dvc.lock.

    PipelineError where the lock does not fit its inputs, or the outputs are unavailable.
    """
    if problems := dvc_lock.mismatches():
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise PipelineError(
            f"{LOCK}: does not fit its inputs ({problems[0]}{more}), so nobody has measured this model; "
            "run `make run` and commit the result"
        )
    md5s = outputs(root, needed)
    for restore in (_restore_from_cache, _restore_from_remote, _rebuild):
        if missing := {path: md5 for path, md5 in md5s.items() if not dvc_outputs.is_present(root / path, md5)}:
            restore(root, missing)
    lacking = [path for path, md5 in md5s.items() if not dvc_outputs.is_present(root / path, md5)]
    if not lacking:
        return md5s
    raise PipelineError(
        f"{LOCK}: training again on the CPU gave other bytes than it names for {', '.join(lacking)}; "
        "a model that was trained on a GPU, or on another platform, needs the DVC remote: set DVC_REMOTE_URL"
    )


def outputs(root: Path, needed: Collection[str] = RELEASE_OUTPUTS) -> dict[str, str]:
    """The MD5s that dvc.lock names for these outputs; PipelineError where it names none."""
    stages = (load_yaml(root / LOCK, str(LOCK)) or {}).get("stages", {})
    outs = [out for stage in stages.values() for out in stage.get("outs", [])]
    md5s = {out["path"]: str(out["md5"]) for out in outs if out["path"] in needed}
    if lacking := [path for path in needed if path not in md5s]:
        raise PipelineError(f"{LOCK}: does not name {lacking[0]}; run `make run` and commit the result")
    return md5s


def _restore_from_cache(root: Path, missing: Mapping[str, str]) -> None:
    for path, md5 in missing.items():
        dvc_outputs.copy(md5, root / path, lambda part: cached_file(root, part))


def _restore_from_remote(root: Path, missing: Mapping[str, str]) -> None:
    from pipeline.review.measure import remote

    if remote.configured(root):
        click.echo("fetching the outputs of dvc.lock from the DVC remote ...")
        remote.fetch(missing.values())
        _restore_from_cache(root, missing)


def _rebuild(root: Path, missing: Mapping[str, str]) -> None:
    from pipeline.review.baseline.rebuild import run_again

    click.echo("the model is neither in the cache nor on the DVC remote; training it again on the CPU ...")
    run_again("HEAD", root, missing, lambda _: None)
    _restore_from_cache(root, missing)
