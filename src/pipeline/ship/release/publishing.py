"""An image into the registry: only what passed the scan, by digest, signed."""

import datetime
import os
import tempfile
from pathlib import Path

from pipeline.core import files, params
from pipeline.core.errors import PipelineError
from pipeline.ship.release import attestations, image, manifest, scan, signing
from pipeline.ship.release.bento import FOLDER
from pipeline.ship.release.making import Content
from pipeline.ship.release.manifest import Release

BILL = FOLDER / "sbom.cdx.json"


def registry_name(given: str | None) -> str | None:
    """The image's name: as given, else this repository's in $REGISTRY or GHCR; None outside GitHub."""
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    name = given or (f"{os.environ.get('REGISTRY') or 'ghcr.io'}/{repository}" if repository else "")
    if "@" in name or ":" in name.rpartition("/")[2]:
        raise PipelineError(f"{name}: names a tag or digest; allowed: HOST/NAME, the release's id becomes the tag")
    return name.lower() or None  # a repository may have capitals, an image must not


def published(name: str, content: Content, key: str | None, repository: str | None) -> Release | None:
    """The release where the registry has it already; with a key, or attestations, only where these prove it."""
    public = signing.public(key) if key else None
    found = image.pull(f"{name}:{content.id}")
    if found is None:
        return None
    reference = image.digest(found, name)
    if public is None and repository is None:
        return labelled(found, content.id).model_copy(update={"image": reference})
    try:
        return _by_key(reference, public) if public else attestations.verify_attestation(reference, repository or "")
    except PipelineError:  # a push that was never signed, or not ours: it is built and pushed again
        return None


def _by_key(reference: str, public: str) -> Release:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cosign.pub"
        path.write_text(public, encoding="utf-8")
        return signing.verify(reference, str(path))


def labelled(found: dict[str, object], where: str) -> Release:
    """The release in the label of an image; PipelineError where it has none."""
    config = found.get("Config")
    labels = config.get("Labels") if isinstance(config, dict) else None
    return manifest.parse((labels or {}).get(manifest.LABEL, ""), f"image {where}: label {manifest.LABEL}")


def judged(report: Path, bill: Path) -> scan.Judged:
    """The verdict of the scan gate on a report; PipelineError where a file can't be read."""
    bounds = params.section(params.Release).scan
    today = datetime.datetime.now(datetime.UTC).date()
    return scan.judge(files.read_json(report), files.read_json(bill), bounds, today)


def publish(content: Content, release: Release, name: str, key: str | None, target: Path) -> Release:
    """Push, write the release's file, sign and attest; the release with its image by digest."""
    pushed = release.model_copy(update={"image": image.push(content.tag, name, content.id)})
    manifest.write(target, pushed)
    if key:
        signing.sign(pushed.image, key)
        signing.attest(pushed.image, key, target, BILL)
    return pushed
