"""GitHub's attestations instead of a key: how `gh` is called, and what its answer proves."""

import itertools
import json
from typing import Any

import pytest

from pipeline.core.errors import PipelineError
from pipeline.ship.release import attestations
from tests.pipeline.ship.deploy.hosts_in_memory import release

DIGEST = f"sha256:{'0' * 64}"
IMAGE = f"127.0.0.1:9/acme/model@{DIGEST}"


def attested(image: str) -> dict[str, Any]:
    predicate = release("a" * 12, image=image).model_dump()
    return {"verificationResult": {"statement": {"predicateType": "urn:pipeline:release:1", "predicate": predicate}}}


def test_the_attestation_of_this_image_by_the_workflow_of_the_default_branch_names_the_release(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments: list[str] = []

    def gh(*command: str, failure: str) -> str:
        if command[1] == "api":
            assert command[2:] == ("repos/acme/model", "--jq", ".default_branch")
            return "trunk\n"
        arguments.extend(command)
        return json.dumps([attested(IMAGE), attested(f"other@sha256:{'1' * 64}")])

    monkeypatch.setattr(attestations, "run_program", gh)
    assert attestations.verify_release(IMAGE, None, "acme/model").id == "a" * 12
    options = dict(itertools.pairwise(arguments))
    assert options["verify"] == f"oci://{IMAGE}"
    assert options["--signer-workflow"] == "acme/model/.github/workflows/deploy.yaml"
    assert (options["--repo"], options["--source-ref"]) == ("acme/model", "refs/heads/trunk")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (json.dumps([attested(f"other@sha256:{'1' * 64}")]), "its attestation describes another image"),
        ("[]", "its attestation describes another image"),
        ("verified\n", "gh returned no attestation"),
    ],
)
def test_an_answer_that_proves_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, answer: str, message: str) -> None:
    monkeypatch.setattr(attestations, "run_program", lambda *_, **__: answer)
    with pytest.raises(PipelineError, match=message):
        attestations.verify_attestation(IMAGE, "acme/model")


def test_gh_accepts_the_arguments_and_its_refusal_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_HOST", "127.0.0.1:9")
    monkeypatch.setenv("GH_ENTERPRISE_TOKEN", "t0ken")
    with pytest.raises(PipelineError, match="refused: no valid attestation by acme/model") as refused:
        attestations.verify_attestation(IMAGE, "acme/model")
    assert "unknown flag" not in str(refused.value)
    assert "\n" not in str(refused.value)
