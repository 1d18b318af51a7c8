"""A release: the image, what it was made of, and what it must answer. `build/release.json` is this, as JSON."""

import contextlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, ValidationError, model_serializer

from pipeline.core import files, format_numbers
from pipeline.core.errors import PipelineError, first_problem
from pipeline.ship.release.verdict import ReleaseVerdict

PATH = Path("build/release.json")  # not `release.json`, which the service inside an image reads
MAX_LABEL = 64_000  # bytes of the label, which `docker` gets as an argument: Linux allows 131,072 for each
# The highest that is read; file and label have a number from format 2 on, which has a verdict. 3 names feature code.
FORMAT = 3
LABEL = "pipeline.release"  # of the image: all of this but `image`, which an image can't know of itself


class Release(BaseModel):
    """One release. The same `id` is the same content, whichever commit it was built from."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str  # 12 hex digits of what the image is made of (identity.py)
    image: str  # name@sha256:...; the image's own id (sha256:...) where it was not pushed
    commit: str
    lock: str  # MD5 of dvc.lock
    model: str  # MD5 of models/model.txt
    task: str
    metrics: dict[str, float]
    features: list[str]  # the columns that the model needs of a row
    created: str  # UTC, ISO 8601
    # {"row": as a request has it, "expected": part of its prediction, "features": those of the project's code, if any}
    golden: list[dict[str, Any]]
    expected: dict[str, float]  # agreement and shift against the model before it on the test rows; empty without one
    against: str = ""  # MD5 of that model; empty without one
    format: Literal[1, 2, 3] = 1
    verdict: ReleaseVerdict | None = None  # None: format 1 had none
    feature_code: str | None = None  # version of the feature code with its state; None: the model needs none

    @model_serializer(mode="wrap")
    def _as_its_format_had_it(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Code from before the verdict, or before feature code, refuses keys that it does not know."""
        content: dict[str, Any] = serialize(self)
        if self.feature_code is None:
            del content["feature_code"]
        if self.verdict is None:
            del content["format"], content["verdict"]
        return content


def read(path: Path) -> Release:
    """A release from its file; PipelineError where the file is missing, damaged or not a release."""
    if not path.is_file():
        raise PipelineError(f"{path}: no such file; `pipeline release` writes it")
    return parse(path.read_text(encoding="utf-8", errors="replace"), str(path))


def parse(text: str, source: str) -> Release:
    """A release from JSON; PipelineError names the `source` of the text and the first invalid key."""
    with contextlib.suppress(ValueError, RecursionError):  # invalid JSON is refused below
        format_numbers.check(source, json.loads(text), FORMAT)
    try:
        return Release.model_validate_json(text)
    except ValidationError as error:
        raise PipelineError(
            f"{source}: is not a release ({first_problem(error)}); `pipeline release` makes one"
        ) from None


def write(path: Path, release: Release) -> None:
    files.write_text(path, release.model_dump_json(indent=2) + "\n")


def fit_label(release: Release) -> Release:
    """The release with as many golden rows as fit the label: every other row is dropped until they do."""
    while release.golden and len(label(release)) > MAX_LABEL:  # ASCII: as many bytes
        rows = release.golden[::2] if len(release.golden) > 1 else []
        release = release.model_copy(update={"golden": rows})
    return release


def label(release: Release) -> str:
    """The release as the image's label, in one line; without the image's digest, which can't be in the image."""
    return json.dumps(release.model_dump() | {"image": ""}, separators=(",", ":"), ensure_ascii=True)
