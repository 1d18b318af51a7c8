"""Builds, from a checkout, the image of the model that dvc.lock names."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import files, params, report_shapes
from pipeline.core.git import described_head, git
from pipeline.models import feature_code, signature
from pipeline.ship.release import bento, golden, image, locked_model, manifest
from pipeline.ship.release.identity import identify
from pipeline.ship.release.judging import Judgement
from pipeline.ship.release.manifest import Release

METRICS = Path("reports/metrics.json")


@dataclass(frozen=True)
class Content:
    """What a release is made of, before it is built."""

    id: str
    md5: Mapping[str, str]
    requirements: str
    base: str
    name: str = image.LOCAL  # of the image on the machine that builds it

    @property
    def tag(self) -> str:
        return f"{self.name}:{self.id}"


def gather(root: Path, base: str) -> Content:
    """Restore the model and name the release; PipelineError where dvc.lock or the model's bytes do not match."""
    md5s = locked_model.acquire(root)
    locked = bento.requirements(root)
    name = params.read(root / params.PATH).named(image.LOCAL)
    return Content(identify(root, locked, base), md5s, locked, base, name)


def build(root: Path, content: Content, judgement: Judgement) -> Release:
    """Build the image of a release that the gate lets pass, and return it with the image's own id."""
    release = describe(root, content, judgement)
    with bento.build(root, content.id, lineage(root, release, content), content.requirements) as folder:
        image_id = image.build(folder, content.tag, content.base, labels(root, release))
    return release.model_copy(update={"image": image_id})


def describe(root: Path, content: Content, judgement: Judgement) -> Release:
    """The release without its image, which is built later."""
    model_signature = signature.read(root / locked_model.SIGNATURE)
    code = feature_code.of_model(root / locked_model.MODELS, model_signature)
    knobs = params.section(params.Release, root / params.PATH)
    scored, table = golden.answers(root)
    release = Release(
        id=content.id,
        image="",
        commit=described_head(root) or "",
        lock=files.md5(root / locked_model.LOCK),
        model=content.md5[locked_model.MODEL],
        task=model_signature.task,
        metrics=_headline(report_shapes.read(root / METRICS, "metrics")),
        features=model_signature.columns,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        golden=golden.rows(model_signature, table, scored, knobs.golden, code),
        expected=judgement.comparison.expected,
        against=judgement.comparison.against,
        format=2 if code is None else 3,
        verdict=judgement.verdict,
        feature_code=None if code is None else code.version,
    )
    return manifest.fit_label(release)


def lineage(root: Path, release: Release, content: Content) -> dict[str, Any]:
    """What the service answers at /release."""
    return {
        "release": release.id,
        "git_commit": release.commit,
        "dvc_lock": release.lock,
        "model": release.model,
        "signature": content.md5[locked_model.SIGNATURE],
        **({"features": release.feature_code} if release.feature_code else {}),
        "metrics": report_shapes.read(root / METRICS, "metrics"),
    }


def labels(root: Path, release: Release) -> dict[str, str]:
    """OCI's standard labels, and the label that holds the release."""
    card = params.section(params.Card, root / params.PATH)
    remote = git(root, "remote", "get-url", "origin").stdout.strip()
    annotations = {
        "title": card.title,
        "description": card.purpose,
        "created": release.created,
        "revision": release.commit,
        "version": release.id,
        "source": remote.removesuffix(".git") if remote.startswith("https://") and "@" not in remote else "",
    }
    standard = {f"org.opencontainers.image.{name}": value for name, value in annotations.items() if value}
    return {**standard, manifest.LABEL: manifest.label(release)}


def _headline(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Each metric's value, without its interval."""
    values = {
        name: metric["value"] for name, metric in metrics.items() if isinstance(metric, dict) and "value" in metric
    }
    return {name: float(value) for name, value in values.items() if value is not None}
