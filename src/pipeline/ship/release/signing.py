"""Signs and attests images by cosign with a key, and verifies them before they run."""

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
from pipeline.ship.release.processes import run_program

STATEMENT = "urn:pipeline:release:1"  # the type of the attestation that carries release.json
DIGEST_REFERENCE = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


def sign(image: str, key: str) -> None:
    """Sign an image (by digest) with a private key (a file, env://NAME or a KMS address)."""
    _cosign(
        "sign", "--yes", "--tlog-upload=false", "--key", key, require_digest(image), failure=f"{image}: can't be signed"
    )


def attest(image: str, key: str, release: Path, bill: Path) -> None:
    """Attest release.json and the bill of materials (CycloneDX)."""
    for kind, predicate in ((STATEMENT, release), ("cyclonedx", bill)):
        options = ["--key", key, "--type", kind, "--predicate", str(predicate), require_digest(image)]
        _cosign(
            "attest", "--yes", "--tlog-upload=false", *options, failure=f"{image}: {predicate.name} can't be attested"
        )


def public_key(key: str) -> str:
    """The public key of a private one."""
    return _cosign("public-key", "--key", key, failure=f"{key}: is not a key")


def verify(image: str, key: str) -> Release:
    """The release that the image's signed attestation describes; PipelineError where the verification fails."""
    if "://" not in key and not Path(key).is_file():
        raise PipelineError(
            f"{key}: no such file; make one with `cosign generate-key-pair` and commit it (docs/how-to/release.md)"
        )
    trusted = ["--key", key, "--insecure-ignore-tlog=true", require_digest(image)]
    _verify("verify", *trusted, subject=f"signature by {key}", image=image)
    output = _verify(
        "verify-attestation",
        "--type",
        STATEMENT,
        *trusted,
        subject=f"signature by {key} on its release.json",
        image=image,
    )
    payloads = [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in output.splitlines()]
    return find_release([payload["predicate"] for payload in payloads], image)


def find_release(predicates: Sequence[Any], image: str) -> Release:
    """The newest release among verified statements that is about this image; PipelineError where none is."""
    for predicate in reversed(predicates):
        release = manifest.parse(json.dumps(predicate), f"{image}: its attestation")
        if release.image.partition("@")[2] == image.partition("@")[2]:
            return release
    raise PipelineError(f"{image}: refused: its attestation describes another image")


def require_digest(image: str) -> str:
    """The reference itself; PipelineError where it does not name the image by digest."""
    if not DIGEST_REFERENCE.fullmatch(image):
        raise PipelineError(
            f"{image}: is not a reference by digest; allowed: NAME@sha256:..., because a tag can be moved"
        )
    return image


def _verify(*command: str, subject: str, image: str) -> str:
    """Cosign's output; PipelineError says whether there is no such signature, or it could not be checked."""
    try:
        return _cosign(*command, failure="")
    except PipelineError as error:
        reason = str(error).removeprefix(": ").removeprefix("error during command execution: ")
        absent = reason.startswith(("no matching", "no signatures", "no attestations"))
        problem = f"no valid {subject}" if absent else f"the {subject} can't be checked"
        raise PipelineError(f"{image}: refused: {problem} ({reason})") from None


def _cosign(command: str, *arguments: str, failure: str) -> str:
    defaults = {"COSIGN_PASSWORD": os.environ.get("COSIGN_PASSWORD", "")}  # else cosign asks for it and waits
    return run_program("cosign", command, *arguments, failure=failure, environment=defaults)
