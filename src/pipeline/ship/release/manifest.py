"""A release: the image, what it was made of, and what it must answer. `build/release.json` is this, as JSON."""

import contextlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.core import files, formats
from pipeline.core.errors import PipelineError

PATH = Path("build/release.json")  # not `release.json`, by which the service inside an image knows itself
LONGEST = 64_000  # bytes of the label: Linux takes 131,072 for one argument of a program, which `docker` gets it by
FORMAT = 1  # the highest that is read; file and label say their number from format 2 on
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
    features: list[str]  # the fields of a row
    created: str  # UTC, ISO 8601
    golden: list[dict[str, Any]]  # {"row": as a request has it, "expected": part of its prediction}
    expected: dict[str, float]  # agreement and shift against the model before it on the test rows; empty without one
    against: str = ""  # MD5 of that model; empty without one


def read(path: Path) -> Release:
    """A release from its file; PipelineError where it is missing, damaged or not one."""
    if not path.is_file():
        raise PipelineError(f"{path}: no such file; `pipeline release` writes it")
    return parse(path.read_text(encoding="utf-8", errors="replace"), str(path))


def parse(text: str, where: str) -> Release:
    """A release from JSON; PipelineError names `where` and the first key that is wrong."""
    with contextlib.suppress(ValueError, RecursionError):  # what is no JSON is refused below
        formats.check(where, json.loads(text), FORMAT)
    try:
        return Release.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise PipelineError(f"{where}: is no release ({key + ': ' if key else ''}{first['msg']})") from None


def write(path: Path, release: Release) -> None:
    files.write_text(path, release.model_dump_json(indent=2) + "\n")


def fitting(release: Release) -> Release:
    """With as many golden rows as the label holds: every other is left out until it does."""
    while release.golden and len(label(release)) > LONGEST:  # ASCII: as many bytes
        rows = release.golden[::2] if len(release.golden) > 1 else []
        release = release.model_copy(update={"golden": rows})
    return release


def label(release: Release) -> str:
    """The image's label for it, in one line; the image's own digest can't stand in it."""
    return json.dumps(release.model_dump() | {"image": ""}, separators=(",", ":"), ensure_ascii=True)
