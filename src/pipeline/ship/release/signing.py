"""Signs and attests images by cosign with a key, and verifies them before they run."""

import base64
import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.ship.release import manifest
from pipeline.ship.release.manifest import Release
from pipeline.ship.release.processes import run_program

STATEMENT = "urn:pipeline:release:1"  # the type of the attestation that carries release.json
ABSENT = ("no matching", "no signatures", "no attestations", "failed to verify signature")  # cosign's messages
DIGEST_REFERENCE = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


class _AbsentError(PipelineError):
    """The image has no such signature, in the format that was looked at."""


def sign(image: str, key: str) -> None:
    """Sign an image (by digest) with a private key (a file, env://NAME or a KMS address)."""
    with _key_alone(key) as options:
        _cosign("sign", *options, require_digest(image), failure=f"{image}: can't be signed")


def attest(image: str, key: str, release: Path, bill: Path) -> None:
    """Attest release.json and the bill of materials (CycloneDX)."""
    with _key_alone(key) as options:
        for kind, predicate in ((STATEMENT, release), ("cyclonedx", bill)):
            statement = ["--type", kind, "--predicate", str(predicate), require_digest(image)]
            _cosign("attest", *options, *statement, failure=f"{image}: {predicate.name} can't be attested")


@contextlib.contextmanager
def _key_alone(key: str) -> Iterator[list[str]]:
    """Options that sign by a key and call no service: cosign's own configuration enters the image in a public log."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--yes", "--key", key]
        for name in ("signing-config", "trusted-root"):
            path = str(Path(folder, name))
            _cosign(name, "create", "--out", path, failure="cosign 3 or newer is needed to sign")
            options += [f"--{name}", path]
        yield options


def public_key(key: str) -> str:
    """The public key of a private one."""
    return _cosign("public-key", "--key", key, failure=f"{key}: is not a key")


def verify(image: str, key: str) -> Release:
    """The release that the image's signed attestation describes; PipelineError where the verification fails."""
    if "://" not in key and not Path(key).is_file():
        raise PipelineError(
            f"{key}: no such file; make one with `cosign generate-key-pair` and commit it (docs/how-to/release.md)"
        )
    require_digest(image)
    try:
        payloads = _attested(image, key)
    except _AbsentError as absent:
        try:  # cosign 2 signed in another format, which version 3 leaves unread where the image has bundles of others
            payloads = _attested(image, key, "--new-bundle-format=false")
        except PipelineError:
            raise absent from None
    return find_release([payload["predicate"] for payload in payloads], image)


def _attested(image: str, key: str, *format_options: str) -> list[Any]:
    """The statements on release.json that the key has signed; the image itself must be signed by it, too."""
    trusted = ["--key", key, "--insecure-ignore-tlog=true", *format_options, image]
    _verify("verify", *trusted, subject=f"signature by {key}", image=image)
    of_release = f"signature by {key} on its release.json"
    output = _verify("verify-attestation", "--type", STATEMENT, *trusted, subject=of_release, image=image)
    return [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in output.splitlines()]


def find_release(predicates: Sequence[Any], image: str) -> Release:
    """The newest release among verified statements that is about this image; PipelineError where none is."""
    releases = [manifest.parse(json.dumps(predicate), f"{image}: its attestation") for predicate in predicates]
    matching = [release for release in releases if release.image.partition("@")[2] == image.partition("@")[2]]
    if not matching:
        raise PipelineError(f"{image}: refused: its attestation describes another image")
    return max(matching, key=lambda release: release.created)


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
        if reason.startswith(ABSENT):
            raise _AbsentError(f"{image}: refused: no valid {subject} ({reason})") from None
        raise PipelineError(f"{image}: refused: the {subject} can't be checked ({reason})") from None


def _cosign(command: str, *arguments: str, failure: str) -> str:
    defaults = {"COSIGN_PASSWORD": os.environ.get("COSIGN_PASSWORD", "")}  # else cosign asks for it and waits
    return run_program("cosign", command, *arguments, failure=failure, environment=defaults)
