"""The result of `pipeline monitor`, as stored in `monitor.json`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, ValidationError

from pipeline.core.errors import PipelineError
from pipeline.core.params import Section
from pipeline.core.yaml import explain

State = Literal["ok", "alarm", "not_enough_data", "blind"]
SignalName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")]


class Signal(Section):
    """One signal's current state; `since` is the start of the first window of a lasting alarm."""

    name: SignalName
    state: Literal["ok", "alarm", "watching", "not_enough_data"]
    value: float | None
    bound: float | None
    since: AwareDatetime | None
    beyond: int
    judged: int
    sentence: str


class Metric(Section):
    """A metric of the labelled rows of a window, with its 95 % interval."""

    name: str
    value: float
    low: float
    high: float


class Scored(Section):
    """A window with its value and bound by signal; `metric` where there are enough labels."""

    start: AwareDatetime
    end: AwareDatetime
    rows: int
    judged: bool
    values: dict[SignalName, float | None]
    bounds: dict[SignalName, float | None]
    metric: Metric | None = None


class ColumnDrift(Section):
    """A column in the latest judged window against the reference; `before` and `now` describe its values.

    `judged` is False where the reference is too small or too uneven for its bound to let a large change be seen.
    `shared`: the rows of a day (or group) are not independent in this column.
    """

    column: str
    test: str
    score: float
    bound: float
    missing_before: float
    missing: float
    unseen: float
    before: str
    now: str
    judged: bool = True
    shared: bool = False


class Reference(Section):
    """What the windows were compared with; `newest`: the number of newest rows, 0 for all rows; `kind`: the parameter
    `monitor.reference`."""

    train: int
    test: int
    newest: int
    kind: str = "training"


class Unreadable(Section):
    """An input that can't be read, and why. Where it is the labels, the state is not `blind`: the rest was judged."""

    kind: Literal["log", "labels", "reference"]
    reason: str


class Labels(Section):
    """Labels that were read: those of a compared row are `joined`, those of no row of the windows `unknown`."""

    rows: int
    joined: int
    unknown: int


class Result(Section):
    state: State
    until: AwareDatetime
    window: str
    rows: int
    files: int
    release: str | None
    releases: dict[str, int]
    signals: Annotated[tuple[Signal, ...], Field(strict=False)]
    windows: Annotated[tuple[Scored, ...], Field(strict=False)]
    damage: dict[str, Any]
    labels: Labels
    blind: Unreadable | None
    columns: Annotated[tuple[ColumnDrift, ...], Field(strict=False)] = ()
    not_logged: Annotated[tuple[str, ...], Field(strict=False)] = ()
    reference: Reference | None = None
    calendar: Annotated[tuple[str, ...], Field(strict=False)] = ()


def read(path: Path) -> Result:
    """The result in a file; PipelineError, one line, where it is missing or not a result."""
    remedy = "run `pipeline monitor` again"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such file; {remedy}") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise PipelineError(f"{path}: can't be read ({type(problem).__name__}); {remedy}") from None
    try:
        return Result.model_validate_json(text)
    except ValidationError as error:
        first = explain(str(path), Result, error.errors())[0].splitlines()[0]
        raise PipelineError(f"{first}; it is damaged: {remedy}") from None
