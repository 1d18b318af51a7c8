"""What a run leaves for the report: a folder of small files, made by a pull request and therefore untrusted.

The reader accepts only the files, sizes and shapes that this module names.
"""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.core import format_numbers, pipelines
from pipeline.core.errors import PipelineError, first_problem

FOLDER = Path(".pipeline/measurement")
MANIFEST = "measurement.json"
FORMAT = 1  # the `version` of the manifest
MB = 1_000_000
# The files of a measurement and their maximum sizes in bytes. All but the manifest may be absent.
FILES = {
    MANIFEST: 2 * MB,
    "metrics.json": MB,
    "slices.json": 4 * MB,
    "fairness.json": 4 * MB,
    "importance.json": 4 * MB,
    "drift.json": 8 * MB,  # training against test rows
    "drift_main.json": 8 * MB,  # this training data against main's
    "data_quality.json": 4 * MB,
    "training.json": 4 * MB,
    "signature.json": 8 * MB,  # of the model that ships
    "split.json": MB,
    "source.json": 4 * MB,
    "schema.yaml": 4 * MB,
    "params.yaml": MB,
    "dvc.lock": MB,
    "model_card.md": 4 * MB,
    "features.json": 2 * MB,  # the project's feature code, and figures of each feature
    "model_tests.json": MB,  # the outcome of the project's tests of the model
    "scores.parquet": 400 * MB,  # the candidate's scores of the test rows
    "champion.parquet": 400 * MB,  # the champion's scores of the same rows, those that it was not trained on
    "reference.parquet": 400 * MB,  # those of the release that gate.reference names
}


def folder() -> Path:
    """Where the measurement of this folder's pipeline lies: below that of the top, so that one artifact holds all."""
    return pipelines.top() / FOLDER / pipelines.folder()


Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Name = Annotated[str, Field(max_length=1000)]
Sentence = Annotated[str, Field(max_length=1000)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Stage(Strict):
    """One stage of dvc.yaml. `cached`: taken from the run cache; `unchanged`: nothing of it had changed."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@-]{1,100}$")]
    needs: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@-]{1,100}$")]] = Field(default=[], max_length=200)
    state: Literal["ran", "cached", "unchanged", "failed", "skipped"]
    seconds: float | None = None
    peak_memory_mb: float | None = None
    rows: int | None = None


class Failure(Strict):
    """The stage that failed and the last lines that it printed."""

    stage: Name
    lines: list[Annotated[str, Field(max_length=1000)]] = Field(max_length=40)


class Champion(Strict):
    """Who the candidate was compared with; the states are those of `review.baseline.scored.ScoredBaseline`."""

    state: Literal["scored", "same", "none", "missing", "unscorable"]
    name: Name
    reason: Sentence = ""
    model: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = ""  # MD5 of its model, as dvc.lock names it


class Gain(Strict):
    feature: Name
    gain: float


class ColumnChange(Strict):
    """A column that was added, removed or retyped: its type in main's raw data and here; None where it is absent."""

    name: Name
    main: Name | None
    here: Name | None


class Categories(Strict):
    """Values of a column that main's raw data do not have, and those that are gone; at most 20 of each are named."""

    column: Name
    added: list[Name] = Field(max_length=20)
    removed: list[Name] = Field(max_length=20)
    added_count: int
    removed_count: int


class DataChange(Strict):
    """The raw data here against main's. `added` and `removed` count rows (by key; without one, by content)."""

    rows_main: int
    rows_here: int
    added: int
    removed: int
    changed: int | None  # rows of the same key and other content; None without a key
    columns: list[ColumnChange] = Field(max_length=10_000)
    categories: list[Categories] = Field(max_length=10_000)


class Measurement(Strict):
    """`measured`: the model of `head` was made and scored. `unchanged`: its lock is main's and fits, so nothing ran.

    `failed`: a stage failed; the files are those of the stages before it.
    """

    version: Literal[1] = 1
    head: Sha | None  # None on a laptop with changes that are not committed
    base: Name  # the revision that was compared with
    base_commit: Sha | None
    outcome: Literal["measured", "unchanged", "failed"]
    failure: Failure | None = None
    seconds: float | None = None  # of the whole `dvc repro`
    stages: list[Stage] = Field(default=[], max_length=200)
    champion: Champion | None = None
    reference: Champion | None = None  # the release that gate.reference names
    champion_gains: list[Gain] = Field(default=[], max_length=10_000)
    features_main: list[Name] | None = Field(default=None, max_length=20_000)  # of main's model; None where unknown
    data: DataChange | None = None  # None where main's raw data were unavailable; `notes` says why
    environment: dict[Name, Name] = Field(default={}, max_length=50)
    notes: list[Sentence] = Field(default=[], max_length=50)  # what is missing and why, for people


@dataclass(frozen=True)
class Bundle:
    """A measurement and the folder of its files."""

    folder: Path
    measurement: Measurement

    def path(self, name: str) -> Path | None:
        """The path of one of `FILES`; None where the measurement lacks it."""
        assert name in FILES, name
        path = self.folder / name
        return path if path.is_file() else None

    def json(self, name: str) -> Any:
        """The content of a JSON file; None where it is absent. PipelineError where it is damaged."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise PipelineError(f"{name}: not valid JSON; run the measurement again") from None

    def text(self, name: str) -> str | None:
        """The content of a text file; None where it is absent. PipelineError where it is not UTF-8."""
        path = self.path(name)
        try:
            return None if path is None else path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise PipelineError(f"{name}: not UTF-8 text; run the measurement again") from None


def read(folder: Path) -> Bundle:
    """The measurement in `folder`; PipelineError where its manifest is missing, damaged, too large or too new."""
    path = folder / MANIFEST
    if not path.is_file():
        raise PipelineError(f"{path}: no such file; `pipeline measure` makes it")
    for name, limit in FILES.items():
        if (folder / name).is_file() and (folder / name).stat().st_size > limit:
            raise PipelineError(f"{folder / name}: is larger than {limit:,} bytes")
    content = path.read_bytes()
    with contextlib.suppress(ValueError, RecursionError):  # invalid JSON is refused below
        format_numbers.check(str(path), json.loads(content), FORMAT, key="version")
    try:
        return Bundle(folder, Measurement.model_validate_json(content))
    except ValidationError as error:
        raise PipelineError(f"{path}: {first_problem(error, 'content')}; run the measurement again") from None
