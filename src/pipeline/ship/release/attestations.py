"""Who made an image: proven by a key, or by GitHub's own attestations, which the program `gh` verifies."""

import json

from pipeline.core.errors import PipelineError
from pipeline.ship.release import signing
from pipeline.ship.release.manifest import Release
from pipeline.ship.release.processes import succeed

WORKFLOW = ".github/workflows/deploy.yaml"  # who may attest a release, and
BRANCH = "refs/heads/main"  # from where


def verify_release(image: str, key: str | None, repository: str | None) -> Release:
    """The release that the key's signature proves, or else the repository's attestation; one of the two is needed."""
    if key:
        return signing.verify(image, key)
    if repository:
        return verify_attestation(image, repository)
    raise PipelineError("needs --key cosign.pub, or --attested OWNER/NAME, to verify who made the image")


def verify_attestation(image: str, repository: str) -> Release:
    """The release that deploy.yaml of the repository (OWNER/NAME) attested for the image; PipelineError without one."""
    refused = f"{image}: refused: no attestation by {repository} is proven (where there are none, sign by a key)"
    by = ["--repo", repository, "--signer-workflow", f"{repository}/{WORKFLOW}", "--source-ref", BRANCH]
    told = succeed(
        "gh",
        *("attestation", "verify", f"oci://{signing.by_digest(image)}", *by),
        *("--predicate-type", signing.STATEMENT, "--format", "json"),
        why=refused,
    )
    try:
        predicates = [one["verificationResult"]["statement"]["predicate"] for one in json.loads(told)]
    except (ValueError, LookupError, TypeError):
        raise PipelineError(f"{image}: refused: gh answered no attestation; it may be too old") from None
    return signing.described(predicates, image)
