"""What a pull request changes, as GitHub lists it; what its run reports is untrusted."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.core import params, pipelines
from pipeline.core.errors import PipelineError
from pipeline.core.git import blob_hash, git
from pipeline.core.template import Template
from pipeline.core.yaml import load_yaml
from pipeline.github.client import api
from pipeline.github.client.pulls import Pull
from pipeline.review.gate import protected
from pipeline.review.measure.measurement import Bundle
from pipeline.review.untrusted import yaml as untrusted_yaml

MAX_FILES = 300  # that GitHub lists
PARAMS = "params.yaml"


@dataclass(frozen=True)
class Changes:
    """The files that differ from the merge base: their blobs by path, and all paths, also those before a rename.

    Paths are from the top of the repository. `complete`: whether GitHub lists them all. `folder`: of the pipeline whose
    params.yaml and verdict are asked for, the working directory's.
    """

    blobs: Mapping[str, str]
    paths: tuple[str, ...]
    base: str
    complete: bool
    folder: str = ""

    @classmethod
    def of(cls, pull: Pull) -> "Changes":
        comparison = api.call(
            "GET", f"compare/{quote(pull.base, safe='')}...{pull.head}", purpose="list the changed files"
        )
        files = comparison.get("files", [])
        former = [file["previous_filename"] for file in files if file.get("previous_filename")]
        return cls(
            blobs={file["filename"]: "" if file["status"] == "removed" else file["sha"] for file in files},
            paths=(*(file["filename"] for file in files), *former),
            base=comparison["merge_base_commit"]["sha"],
            complete=len(files) < MAX_FILES,
            folder=pipelines.folder(),
        )

    def affecting_verdict(self, bundle: Bundle, main: Template) -> list[str]:
        """The changed paths and parameters that decide the verdict, for people, with a note if GitHub's list is cut."""
        changed = [*protected.changed_paths(self.paths, main, self.folder), *self._parameters(bundle)]
        note = f"(more than {MAX_FILES} files, not all of them listed by GitHub)"
        return changed if self.complete else [*changed, note]

    def blob(self, path: str) -> str | None:
        """The hash of a file at the head; None where it has none or the merge base is not in this clone."""
        if path in self.blobs:
            return self.blobs[path]
        return git(Path(), "rev-parse", "--verify", "--quiet", f"{self.base}:{path}").stdout.strip() or None

    def first_changed_section(self, bundle: Bundle, sections: Collection[str]) -> str | None:
        """The first of these sections of params.yaml that is changed, else None; the file where that is unknown."""
        if self.params not in self.paths:
            return None
        head = self._sections(bundle)
        if head is None:
            return self.params
        base = self._base_sections()
        changed = next((name for name in sorted(sections) if head.get(name) != base.get(name)), None)
        return f"{self.params}'s {changed[:40]}" if changed else None

    @property
    def params(self) -> str:
        """params.yaml of the pipeline."""
        return self.folder + PARAMS

    def _parameters(self, bundle: Bundle) -> list[str]:
        """The changed parameters that decide the verdict; the whole file where the head's is not known.

        What differs from main only was changed in main since the merge base, and a merge keeps that.
        """
        if self.params not in self.paths:
            return []
        head = self._sections(bundle)
        if head is None:
            return [self.params]
        changed = set(protected.changed_parameters(self._base_sections(), head))
        return [key for key in protected.changed_parameters(load_yaml(params.PATH, PARAMS), head) if key in changed]

    def _base_sections(self) -> dict[str, Any]:
        """params.yaml of the merge base; main's where this clone does not hold that commit."""
        file = git(Path(), "show", f"{self.base}:{self.params}")
        text = file.stdout if file.returncode == 0 else params.PATH.read_text(encoding="utf-8")
        return untrusted_yaml.parse(text.encode(), PARAMS)

    def _sections(self, bundle: Bundle) -> dict[str, Any] | None:
        """params.yaml of the head, where the measurement has that file, by its hash; else None."""
        path = bundle.path(PARAMS)
        if path is None or blob_hash(path.read_bytes()) != self.blobs.get(self.params):
            return None
        try:
            return untrusted_yaml.read(path)
        except PipelineError:
            return None
