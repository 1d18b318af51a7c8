"""What a change is compared with: the base's commit, its `dvc.lock`, and the files that it names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.core.errors import PipelineError
from pipeline.core.git import git
from pipeline.review.baseline import champion

RAW, TRAIN = "data/raw/table.parquet", "data/split/train.parquet"
NEEDED = (*champion.REQUIRED, *champion.OPTIONAL, champion.FEATURES, RAW, TRAIN)


@dataclass(frozen=True)
class Base:
    """A revision with its commit and lock; where they are None, `reason` says what is missing."""

    name: str
    commit: str | None = None
    lock: str | None = None
    reason: str = ""
    state: Literal["none", "missing"] = "none"  # the champion's state where the revision is unknown
    stages: Mapping[str, Any] = field(default_factory=dict)  # of the lock

    def md5(self, path: str) -> str | None:
        """The MD5 of an output, as the base's lock names it."""
        return outputs(self.stages).get(path)

    def file(self, path: str, root: Path = Path()) -> Path | None:
        """An output of the base in the DVC cache; None where it is missing or damaged there."""
        md5 = self.md5(path)
        return champion.cached_file(root, md5) if md5 else None


def find(revision: str | None, root: Path = Path()) -> Base:
    """The base (default: the remote's default branch); PipelineError for one that is mistyped, not merely absent."""
    try:
        name = champion.base_revision(revision, root)
    except champion.NoChampionError as problem:
        return Base(revision or "main", reason=f"no base to compare with: {problem}", state=problem.state)
    except PipelineError:
        if revision is None or not _may_be_absent(revision, root):
            raise
        remedy = "`git fetch --unshallow origin`, then `git fetch origin`, brings it"
        return Base(revision, reason=f"{revision}: this clone does not hold it; {remedy}", state="missing")
    commit = git(root, "rev-parse", f"{name}^{{commit}}").stdout.strip()
    lock = git(root, "show", f"{name}:./dvc.lock")
    if lock.returncode != 0:
        return Base(name, commit, reason=f"{name} has no dvc.lock yet: its pipeline never ran")
    return Base(name, commit, lock.stdout, stages=stages(lock.stdout))


def stages(lock: str) -> dict[str, Any]:
    """The stages of a lock's text, by name; none where it can't be read."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ="safe").load(lock)
    except YAMLError:
        return {}
    entries = content.get("stages") if isinstance(content, dict) else None
    return entries if isinstance(entries, dict) else {}


def outputs(stages: Mapping[str, Any]) -> dict[str, str]:
    """The MD5 of each output that the stages of a lock name."""
    hashes = {}
    for stage in stages.values():
        for output in (stage.get("outs") or []) if isinstance(stage, dict) else []:
            if isinstance(output, dict) and isinstance(output.get("md5"), str):
                hashes[str(output.get("path"))] = output["md5"]
    return hashes


def _may_be_absent(revision: str, root: Path) -> bool:
    """Whether the revision may be absent without a mistake: the clone is shallow, or has no such branch yet."""
    shallow = git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"
    return shallow or revision in champion.default_bases(root)
