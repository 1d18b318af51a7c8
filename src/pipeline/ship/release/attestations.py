"""Verifies who made an image: by a key, or by GitHub's attestations, which the program `gh` checks."""

import json

from pipeline.core.errors import PipelineError
from pipeline.ship.release import signing
from pipeline.ship.release.manifest import Release
from pipeline.ship.release.processes import run_program

WORKFLOW = ".github/workflows/deploy.yaml"  # the workflow that may attest a release


def verify_release(image: str, key: str | None, repository: str | None) -> Release:
    """The release that the key's signature proves, else the repository's attestation; one of the two is needed."""
    if key:
        return signing.verify(image, key)
    if repository:
        return verify_attestation(image, repository)
    raise PipelineError("needs --key cosign.pub, or --attested OWNER/NAME, to verify who made the image")


def verify_attestation(image: str, repository: str) -> Release:
    """The release that the repository (OWNER/NAME) attested on its default branch; PipelineError without one."""
    failure = f"{image}: refused: no valid attestation by {repository} (where there are none, sign with a key)"
    branch = run_program("gh", "api", f"repos/{repository}", "--jq", ".default_branch", failure=failure).strip()
    origin = ["--repo", repository, "--signer-workflow", f"{repository}/{WORKFLOW}"]
    origin += ["--source-ref", f"refs/heads/{branch}"]
    output = run_program(
        "gh",
        *("attestation", "verify", f"oci://{signing.require_digest(image)}", *origin),
        *("--predicate-type", signing.STATEMENT, "--format", "json"),
        failure=failure,
    )
    try:
        predicates = [item["verificationResult"]["statement"]["predicate"] for item in json.loads(output)]
    except (ValueError, LookupError, TypeError):
        raise PipelineError(
            f"{image}: refused: gh returned no attestation; a newer gh may return it (https://cli.github.com)"
        ) from None
    return signing.find_release(predicates, image)
