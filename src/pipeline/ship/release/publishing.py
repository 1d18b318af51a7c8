"""Publishes an image that passed the scan: pushed to the registry, named by digest, signed."""

import datetime
import os
import tempfile
from pathlib import Path

from pipeline.core import files, params
from pipeline.core.errors import PipelineError
from pipeline.ship.release import attestations, image, manifest, scan, signing
from pipeline.ship.release.making import Content
from pipeline.ship.release.manifest import Release

BILL = Path("build/release/sbom.cdx.json")


def registry_name(option: str | None) -> str | None:
    """The image's name: that of the option, else this repository's in $REGISTRY or GHCR, with the pipeline's behind it.

    None outside GitHub.
    """
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    own = f"{os.environ.get('REGISTRY') or 'ghcr.io'}/{repository}" if repository else ""
    name = option or (params.read().named(own) if own else "")
    if "@" in name or ":" in name.rpartition("/")[2]:
        raise PipelineError(f"{name}: names a tag or digest; allowed: HOST/NAME, the release's id becomes the tag")
    return name.lower() or None  # a repository's name may have capitals, an image's must not


def find_published(name: str, content: Content, key: str | None, repository: str | None) -> Release | None:
    """The release if the registry has it already; with a key, or attestations, only if these verify it."""
    public = signing.public_key(key) if key else None
    pulled = image.pull(f"{name}:{content.id}")
    if pulled is None:
        return None
    reference = image.digest(pulled, name)
    if public is None and repository is None:
        return read_label(pulled, content.id).model_copy(update={"image": reference})
    try:
        return (
            _verify_by_key(reference, public)
            if public
            else attestations.verify_attestation(reference, repository or "")
        )
    except PipelineError:  # the image was never signed, or by somebody else: it is built and pushed again
        return None


def _verify_by_key(reference: str, public: str) -> Release:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cosign.pub"
        path.write_text(public, encoding="utf-8")
        return signing.verify(reference, str(path))


def read_label(inspected: dict[str, object], name: str) -> Release:
    """The release in the label of an image; PipelineError where it has none."""
    config = inspected.get("Config")
    labels = config.get("Labels") if isinstance(config, dict) else None
    return manifest.parse((labels or {}).get(manifest.LABEL, ""), f"image {name}: label {manifest.LABEL}")


def judge_scan(report: Path, bill: Path) -> scan.ScanResult:
    """The scan gate's result for a report; PipelineError where a file can't be read."""
    bounds = params.section(params.Release).scan
    today = datetime.datetime.now(datetime.UTC).date()
    return scan.judge(files.read_json(report, None), files.read_json(bill, "pipeline release"), bounds, today)


def publish(content: Content, release: Release, name: str, key: str | None, target: Path) -> Release:
    """Push, write the release's file, sign and attest; returns the release with its image by digest."""
    pushed = release.model_copy(update={"image": image.push(content.tag, name, content.id)})
    manifest.write(target, pushed)
    if key:
        signing.sign(pushed.image, key)
        signing.attest(pushed.image, key, target, BILL)
    return pushed
