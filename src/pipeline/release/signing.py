"""Signatures and attestations by cosign with a key, and what they prove when an image is about to run."""

import base64
import json
import os
import re
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.release import manifest
from pipeline.release.manifest import Release
from pipeline.release.processes import succeed

STATEMENT = "urn:pipeline:release:1"  # the type of the attestation that carries release.json
BY_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


def sign(image: str, key: str) -> None:
    """Sign an image (by digest) with a private key (a file, env://NAME or a KMS address)."""
    _cosign("sign", "--yes", "--tlog-upload=false", "--key", key, _by_digest(image), why=f"{image}: can't be signed")


def attest(image: str, key: str, release: Path, bill: Path) -> None:
    """Attest release.json and the bill of materials (CycloneDX)."""
    for kind, predicate in ((STATEMENT, release), ("cyclonedx", bill)):
        given = ["--key", key, "--type", kind, "--predicate", str(predicate), _by_digest(image)]
        _cosign("attest", "--yes", "--tlog-upload=false", *given, why=f"{image}: {predicate.name} can't be attested")


def verify(image: str, key: str) -> Release:
    """The release that the image's signed attestation describes; PipelineError where any of it does not hold."""
    trusted = ["--key", key, "--insecure-ignore-tlog=true", _by_digest(image)]
    refused = f"{image}: refused: no valid signature by {key}"
    _cosign("verify", *trusted, why=refused)
    shown = _cosign("verify-attestation", "--type", STATEMENT, *trusted, why=f"{refused} on its release.json")
    digest = image.partition("@")[2]
    for line in reversed(shown.splitlines()):
        payload = json.loads(base64.b64decode(json.loads(line)["payload"]))
        release = manifest.parse(json.dumps(payload["predicate"]), f"{image}: its attestation")
        if release.image.partition("@")[2] == digest:
            return release
    raise PipelineError(f"{image}: refused: its attestation describes another image")


def _by_digest(image: str) -> str:
    if not BY_DIGEST.fullmatch(image):
        raise PipelineError(f"{image}: is no reference by digest; allowed: NAME@sha256:..., because a tag can be moved")
    return image


def _cosign(command: str, *arguments: str, why: str) -> str:
    defaults = {"COSIGN_PASSWORD": os.environ.get("COSIGN_PASSWORD", "")}  # else it asks, and nobody answers
    return succeed("cosign", command, *arguments, why=why, environment=defaults)
