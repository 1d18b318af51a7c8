"""The outcome of `pipeline retrain`, as a file from which the pull request and the issue are written."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Strict, ValidationError

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.core.params import Names, Section
from pipeline.data.source.sources import File

PATH = Path(".pipeline/retrain.json")
Count = Annotated[int, Field(ge=0)]


class Reason(Section):
    """A check of the contract that rows failed, and how many did.

    Where values are not among the allowed ones: the most frequent of them, each with its number of rows, and the line
    of the contract that takes all of them. There is no line where the target of a binary task would get a third class,
    or where values hold characters that nobody sees.
    """

    column: str
    check: str
    expected: str
    rows: Count
    values: dict[str, Count] = Field(default_factory=dict)
    line: str | None = None


class Correction(Section):
    """A batch with corrected labels: the path of the one that it replaces, its file, and how many labels differ."""

    former: str
    file: File
    labels: Count


Reasons = Annotated[tuple[Reason, ...], Strict(strict=False)]


class Side(Section):
    """A side of the split once the batch is in the data: how many of its rows are new and, by time, its period."""

    new: Count
    first: str | None = None
    last: str | None = None


class Outcome(Section):
    """`added`: the data has new rows or labels; `nothing`: there are none; `refused`: it failed; `sentence` says why.

    Of `labels` labels, `labelled` are of logged rows; of those `known` are in the data already (`differing` by a key
    whose row there has another label), `repeated` are replaced by a later row of their key, `quarantined` violate the
    contract. `rows` are in the batch, from `first` to `last`, of which `returned` were in quarantine;
    `quarantined_before` are in quarantine still. `rejected`: corrected labels that violate the contract.
    """

    state: Literal["added", "nothing", "refused"]
    sentence: str
    rows: Count = 0
    returned: Count = 0
    first: str | None = None
    last: str | None = None
    labels: Count = 0
    relabelled: Count = 0
    unlabelled: Count = 0  # rows of the label files without an id or a label
    logged: Count = 0
    damage: dict[str, Count] = Field(default_factory=dict)  # by kind, as the monitor counts it
    places: Names = ()  # of the first damage
    labelled: Count = 0
    known: Count = 0
    differing: Count = 0
    repeated: Count = 0
    batch: File | None = None
    corrected: Annotated[tuple[Correction, ...], Strict(strict=False)] = ()
    rejected: Reasons = ()
    quarantined: Count = 0
    quarantined_before: Count = 0
    quarantine: str | None = None
    reasons: Reasons = ()
    absent: Names = ()
    sides: dict[str, Side] = Field(default_factory=dict)  # of the batch's rows; empty where they can't be split
    refits: bool = False  # whether the model that ships learns the rows of all sides

    @property
    def corrections(self) -> int:
        """How many labels of rows that are in the data were corrected."""
        return sum(correction.labels for correction in self.corrected)


def write(outcome: Outcome) -> None:
    files.write_json(PATH, outcome.model_dump(mode="json"))


def read() -> Outcome:
    """The outcome of the last `pipeline retrain`; PipelineError where there is none."""
    try:
        return Outcome.model_validate(files.read_json(PATH))
    except (PipelineError, ValidationError):
        raise PipelineError(f"{PATH}: is missing or damaged; `pipeline retrain` did not finish") from None
