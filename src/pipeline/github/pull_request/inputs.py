"""The inputs of a measurement: what main's stages depend on, by its dvc.lock and .dvcignore, and the model's tests."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import pipelines
from pipeline.core.pipelines import Pipeline
from pipeline.review.measure import base, model_tests

PARAMS = "params.yaml"


@dataclass(frozen=True)
class Inputs:
    """Paths of files and folders (stages, dvc.lock, tests), from the top of the repository, and the sections of
    params.yaml that a stage reads."""

    paths: frozenset[str]
    sections: frozenset[str]

    @classmethod
    def of_lock(cls, lock: Path, pipeline: Pipeline) -> "Inputs | None":
        """The inputs of the pipeline by its lock; None where there is none, or it names no stage."""
        stages = base.stages(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
        if not stages:
            return None
        keys = (key for stage in stages.values() for key in (stage.get("params") or {}).get(PARAMS) or {})
        deps = (str(dep["path"]) for stage in stages.values() for dep in stage.get("deps", []))
        paths = {lock.name, str(model_tests.TESTS), *deps}
        sections = frozenset(str(key).partition(".")[0] for key in keys)
        return cls(frozenset(pipeline.path(path) for path in paths), sections)

    def first_changed(self, changed: Iterable[str]) -> str | None:
        """The first of the changed paths that a measurement depends on; None where there is nothing to run."""
        folders = tuple(f"{path.rstrip('/')}/" for path in self.paths)
        candidates = [path for path in sorted(changed) if path in self.paths or path.startswith(folders)]
        ignored = _ignored([path for path in candidates if path not in self.paths])
        return next((path for path in candidates if path not in ignored), None)


def _ignored(paths: list[str]) -> set[str]:
    """Those of the paths that main's .dvcignore leaves out."""
    if not paths:
        return set()
    from dvc.fs import LocalFileSystem
    from dvc.ignore import DvcIgnoreFilter

    root = pipelines.top().resolve()
    rules = DvcIgnoreFilter(LocalFileSystem(), str(root))
    return {path for path in paths if rules.is_ignored_file(str(root / path))}
