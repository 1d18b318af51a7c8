"""An image into the registry: only what passed the scan, by digest, signed."""

import datetime
import os
import tempfile
from pathlib import Path

from pipeline import files, params
from pipeline.errors import PipelineError
from pipeline.release import image, manifest, scan, signing
from pipeline.release.bento import FOLDER
from pipeline.release.making import Content
from pipeline.release.manifest import Release
from pipeline.release.processes import succeed

BILL = FOLDER / "sbom.cdx.json"


def registry_name(given: str | None) -> str | None:
    """The image's name: as given, else this repository's in $REGISTRY or GHCR; None outside GitHub."""
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    name = given or (f"{os.environ.get('REGISTRY') or 'ghcr.io'}/{repository}" if repository else "")
    if "@" in name or ":" in name.rpartition("/")[2]:
        raise PipelineError(f"{name}: names a tag or digest; allowed: HOST/NAME, the release's id becomes the tag")
    return name.lower() or None  # a repository may have capitals, an image must not


def published(name: str, content: Content, key: str | None) -> Release | None:
    """The release where the registry has it already; with a key, only where its own signature proves it."""
    found = image.pull(f"{name}:{content.id}")
    if found is None:
        return None
    reference = image.digest(found, name)
    if key is None:
        return labelled(found, content.id).model_copy(update={"image": reference})
    with tempfile.TemporaryDirectory() as folder:
        public = Path(folder) / "cosign.pub"
        environment = {"COSIGN_PASSWORD": os.environ.get("COSIGN_PASSWORD", "")}
        told = succeed("cosign", "public-key", "--key", key, why=f"{key}: is no key", environment=environment)
        public.write_text(told, encoding="utf-8")
        try:
            return signing.verify(reference, str(public))
        except PipelineError:  # a push that was never signed, or not ours: it is built and pushed again
            return None


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
    """Push, write release.json, sign and attest; the release with its image by digest."""
    pushed = release.model_copy(update={"image": image.push(content.tag, name, content.id)})
    manifest.write(target, pushed)
    if key:
        signing.sign(pushed.image, key)
        signing.attest(pushed.image, key, target, BILL)
    return pushed
