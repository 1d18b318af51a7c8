"""What a pull request changes, as GitHub lists it: not its own word."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.core.git import blob_hash, git
from pipeline.core.yaml import load_yaml
from pipeline.github.client import api
from pipeline.github.client.pulls import Pull
from pipeline.review.gate import pull_request as pull_request_gate
from pipeline.review.measure.measurement import Bundle
from pipeline.review.untrusted import yaml as untrusted_yaml

MOST = 300  # files that GitHub lists
PARAMS = "params.yaml"
# Sections of params.yaml that no stage reads; `simulate` is one of the template before 0.2.0.
UNREAD = ("deploy", "gate", "monitor", "release", "serve", "simulate", "tracking", "tune")


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

    def of_judge(self, bundle: Bundle) -> list[str]:
        """What of the judge is changed, for people; more files than GitHub lists may hide anything."""
        found = list(pull_request_gate.touches_judge(self.paths, self._gate_changed(bundle)))
        return found if self.whole else [*found, f"(more than {MOST} files, not all of them listed by GitHub)"]

    def blob(self, path: str) -> str | None:
        """The hash of a file at the head; None where it has none or the merge base is not in this clone."""
        if path in self.blobs:
            return self.blobs[path]
        return git(Path(), "rev-parse", "--verify", "--quiet", f"{self.base}:{path}").stdout.strip() or None

    def of_stages(self, bundle: Bundle) -> str | None:
        """A section of params.yaml that stages read and the pull request changes; None where it changes none."""
        if PARAMS not in self.paths:
            return None
        here = self._sections(bundle)
        if here is None:
            return PARAMS
        shown = git(Path(), "show", f"{self.base}:{PARAMS}")
        text = shown.stdout if shown.returncode == 0 else params.PATH.read_text(encoding="utf-8")
        before = untrusted_yaml.parse(text.encode(), PARAMS)
        names = sorted({str(name) for name in (*here, *before)} - set(UNREAD))
        found = next((name for name in names if here.get(name) != before.get(name)), None)
        return f"{PARAMS}'s {found[:40]}" if found else None

    def _gate_changed(self, bundle: Bundle) -> bool:
        """Whether the bounds differ from main's: those of params.yaml at the head, as the measurement shows them."""
        if PARAMS not in self.blobs:
            return PARAMS in self.paths
        here = self._sections(bundle)
        return here is None or bool(here.get("gate") != load_yaml(params.PATH, PARAMS).get("gate"))

    def _sections(self, bundle: Bundle) -> dict[str, Any] | None:
        """params.yaml of the head, where the measurement holds that very file."""
        path = bundle.path(PARAMS)
        if path is None or blob_hash(path.read_bytes()) != self.blobs.get(PARAMS):
            return None
        try:
            return untrusted_yaml.read(path)
        except PipelineError:
            return None
