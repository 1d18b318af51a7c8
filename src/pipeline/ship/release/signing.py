"""Signatures and attestations by cosign with a key, and what they prove when an image is about to run."""

import base64
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.ship.release import manifest
from pipeline.ship.release.manifest import Release
from pipeline.ship.release.processes import succeed

STATEMENT = "urn:pipeline:release:1"  # the type of the attestation that carries release.json
BY_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


def sign(image: str, key: str) -> None:
    """Sign an image (by digest) with a private key (a file, env://NAME or a KMS address)."""
    _cosign("sign", "--yes", "--tlog-upload=false", "--key", key, by_digest(image), why=f"{image}: can't be signed")


def attest(image: str, key: str, release: Path, bill: Path) -> None:
    """Attest release.json and the bill of materials (CycloneDX)."""
    for kind, predicate in ((STATEMENT, release), ("cyclonedx", bill)):
        given = ["--key", key, "--type", kind, "--predicate", str(predicate), by_digest(image)]
        _cosign("attest", "--yes", "--tlog-upload=false", *given, why=f"{image}: {predicate.name} can't be attested")


def public(key: str) -> str:
    """The public key of a private one."""
    return _cosign("public-key", "--key", key, why=f"{key}: is no key")


def verify(image: str, key: str) -> Release:
    """The release that the image's signed attestation describes; PipelineError where any of it does not hold."""
    if "://" not in key and not Path(key).is_file():
        raise PipelineError(
            f"{key}: no such file; `cosign generate-key-pair` makes it, commit it (docs/how-to/release.md)"
        )
    trusted = ["--key", key, "--insecure-ignore-tlog=true", by_digest(image)]
    _proven("verify", *trusted, what=f"signature by {key}", image=image)
    shown = _proven(
        "verify-attestation", "--type", STATEMENT, *trusted, what=f"signature by {key} on its release.json", image=image
    )
    payloads = [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in shown.splitlines()]
    return described([payload["predicate"] for payload in payloads], image)


def described(predicates: Sequence[Any], image: str) -> Release:
    """The release among proven statements that is about this image, the newest; PipelineError where none is."""
    for predicate in reversed(predicates):
        release = manifest.parse(json.dumps(predicate), f"{image}: its attestation")
        if release.image.partition("@")[2] == image.partition("@")[2]:
            return release
    raise PipelineError(f"{image}: refused: its attestation describes another image")


def by_digest(image: str) -> str:
    if not BY_DIGEST.fullmatch(image):
        raise PipelineError(f"{image}: is no reference by digest; allowed: NAME@sha256:..., because a tag can be moved")
    return image


def _proven(*command: str, what: str, image: str) -> str:
    """What cosign found to be signed; PipelineError says whether there is no such signature, or nobody to ask."""
    try:
        return _cosign(*command, why="")
    except PipelineError as error:
        reason = str(error).removeprefix(": ").removeprefix("error during command execution: ")
        absent = reason.startswith(("no matching", "no signatures", "no attestations"))
        told = f"no valid {what}" if absent else f"the {what} can't be looked at"
        raise PipelineError(f"{image}: refused: {told} ({reason})") from None


def _cosign(command: str, *arguments: str, why: str) -> str:
    defaults = {"COSIGN_PASSWORD": os.environ.get("COSIGN_PASSWORD", "")}  # else it asks, and nobody answers
    return succeed("cosign", command, *arguments, why=why, environment=defaults)
