"""How cosign is called, and what its messages mean; test_story.py has the real one."""

import base64
import json

import pytest

from pipeline.core.errors import PipelineError
from pipeline.ship.release import signing
from tests.pipeline.ship.deploy.hosts_in_memory import release

IMAGE = f"127.0.0.1:9/acme/model@sha256:{'0' * 64}"
KEY = "env://COSIGN_PUBLIC_KEY"


def statement(created: str, image: str = IMAGE) -> str:
    predicate = release(created.replace("-", "")[:8] + "0000", image=image).model_copy(update={"created": created})
    payload = json.dumps({"predicate": predicate.model_dump()}).encode()
    return json.dumps({"payload": base64.b64encode(payload).decode()})


def test_the_newest_of_several_releases_counts_in_whatever_order_cosign_prints_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    printed = [statement(day) for day in ("2026-11-02", "2026-11-03", "2026-11-01")]
    monkeypatch.setattr(signing, "run_program", lambda *_, **__: "\n".join(printed))
    assert signing.verify(IMAGE, KEY).created == "2026-11-03"


@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        ("error during command execution: no signatures found", "no valid signature by"),
        # Where the image has several bundles, the last line of cosign 3 is about one of them.
        (
            "failed to verify signature: could not verify envelope: accepted signatures do not match",
            "no valid signature",
        ),
        ("error during command execution: connection refused", "can't be checked"),
    ],
)
def test_a_missing_signature_is_told_from_a_registry_that_does_not_respond(
    monkeypatch: pytest.MonkeyPatch, message: str, refusal: str
) -> None:
    def cosign(*_: str, failure: str, **__: object) -> str:
        raise PipelineError(f"{failure}: {message}")

    monkeypatch.setattr(signing, "run_program", cosign)
    with pytest.raises(PipelineError, match=f"refused: (the )?.*{refusal}"):
        signing.verify(IMAGE, KEY)


def test_cosign_2_can_not_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    def cosign(*_: str, failure: str, **__: object) -> str:
        raise PipelineError(f'{failure}: unknown command "signing-config" for "cosign"')

    monkeypatch.setattr(signing, "run_program", cosign)
    with pytest.raises(PipelineError, match="cosign 3 or newer is needed to sign"):
        signing.sign(IMAGE, KEY)
