"""What a pull request changes, as GitHub lists it: not its own word."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.core.git import blob_hash, git
from pipeline.core.template import Template
from pipeline.core.yaml import load_yaml
from pipeline.github.client import api
from pipeline.github.client.pulls import Pull
from pipeline.review.gate import judges
from pipeline.review.measure.measurement import Bundle
from pipeline.review.untrusted import yaml as untrusted_yaml

MOST = 300  # files that GitHub lists
PARAMS = "params.yaml"


@dataclass(frozen=True)
class Changes:
    """The files that differ from the merge base: their blobs by path, and all paths, former ones too."""

    blobs: Mapping[str, str]
    paths: tuple[str, ...]
    base: str
    whole: bool

    @classmethod
    def of(cls, pull: Pull) -> "Changes":
        data = api.call("GET", f"compare/{quote(pull.base, safe='')}...{pull.head}", to="list the changed files")
        files = data.get("files", [])
        former = [file["previous_filename"] for file in files if file.get("previous_filename")]
        return cls(
            blobs={file["filename"]: "" if file["status"] == "removed" else file["sha"] for file in files},
            paths=(*(file["filename"] for file in files), *former),
            base=data["merge_base_commit"]["sha"],
            whole=len(files) < MOST,
        )

    def of_judges(self, bundle: Bundle, main: Template) -> list[str]:
        """What is changed of what judges, for people; more files than GitHub lists may hide anything."""
        found = [*judges.changed_paths(self.paths, main), *self._parameters(bundle)]
        return found if self.whole else [*found, f"(more than {MOST} files, not all of them listed by GitHub)"]

    def blob(self, path: str) -> str | None:
        """The hash of a file at the head; None where it has none or the merge base is not in this clone."""
        if path in self.blobs:
            return self.blobs[path]
        return git(Path(), "rev-parse", "--verify", "--quiet", f"{self.base}:{path}").stdout.strip() or None

    def of_stages(self, bundle: Bundle, read: Collection[str]) -> str | None:
        """A section of params.yaml of those that stages read, that is changed here; None where none is."""
        if PARAMS not in self.paths:
            return None
        here = self._sections(bundle)
        if here is None:
            return PARAMS
        before = self._before()
        found = next((name for name in sorted(read) if here.get(name) != before.get(name)), None)
        return f"{PARAMS}'s {found[:40]}" if found else None

    def _parameters(self, bundle: Bundle) -> list[str]:
        """The parameters that judge and that the pull request changes; the whole file where the head's is not known.

        What differs from main alone was changed in main since the branch left it, and a merge keeps that.
        """
        if PARAMS not in self.paths:
            return []
        here = self._sections(bundle)
        if here is None:
            return [PARAMS]
        since = set(judges.changed_parameters(self._before(), here))
        return [key for key in judges.changed_parameters(load_yaml(params.PATH, PARAMS), here) if key in since]

    def _before(self) -> dict[str, Any]:
        """params.yaml of the merge base; main's where this clone does not hold that commit."""
        shown = git(Path(), "show", f"{self.base}:{PARAMS}")
        text = shown.stdout if shown.returncode == 0 else params.PATH.read_text(encoding="utf-8")
        return untrusted_yaml.parse(text.encode(), PARAMS)

    def _sections(self, bundle: Bundle) -> dict[str, Any] | None:
        """params.yaml of the head, where the measurement holds that very file."""
        path = bundle.path(PARAMS)
        if path is None or blob_hash(path.read_bytes()) != self.blobs.get(PARAMS):
            return None
        try:
            return untrusted_yaml.read(path)
        except PipelineError:
            return None
