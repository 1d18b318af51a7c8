"""How far the primary metric spreads over models that differ in their seed alone: measured once, kept in a file."""

from pathlib import Path
from statistics import stdev
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from pipeline.core import files, format_numbers
from pipeline.core.errors import PipelineError, first_problem
from pipeline.core.params import Section
from pipeline.core.tasks import Task, label

PATH = Path("reports/seeds.json")
FORMAT = 1
ENOUGH = 3  # standard deviations that a tolerance needs, so that another seed does not fail


class SeedSpread(Section):
    """The metric of each seed's model on the same test rows."""

    format: Literal[1] = 1
    task: Task
    target: str
    metric: str
    rows: int
    values: dict[str, float] = Field(min_length=2)  # by seed
    standard_deviation: Annotated[float, Field(ge=0)]

    @classmethod
    def of(cls, task: Task, target: str, metric: str, rows: int, values: dict[int, float]) -> "SeedSpread":
        by_seed = {str(seed): value for seed, value in values.items()}
        spread = stdev(values.values())
        return cls(task=task, target=target, metric=metric, rows=rows, values=by_seed, standard_deviation=spread)

    def compared(self, tolerated: float) -> tuple[bool, str]:
        """Whether a tolerance, in the metric's unit, is enough, and how it stands to the spread."""
        enough, times = tolerated >= ENOUGH * self.standard_deviation, "any number of"
        if self.standard_deviation:
            times = f"{tolerated / self.standard_deviation:.1f}"
        spread = f"{len(self.values)} seeds (standard deviation {self.standard_deviation:.2g} of {label(self.metric)})"
        return enough, f"{times} standard deviations of {spread}"


def write(spread: SeedSpread, path: Path = PATH) -> None:
    files.write_json(path, spread.model_dump())


def read(task: str, target: str, metric: str, path: Path = PATH) -> SeedSpread | None:
    """The spread that was measured for this target and metric; None where there is none.

    PipelineError where the file is damaged.
    """
    return parse(files.read_json(path, "pipeline seeds"), task, target, metric, str(path)) if path.is_file() else None


def parse(content: Any, task: Any, target: Any, metric: str, shown: str = str(PATH)) -> SeedSpread | None:
    """As `read`, for the content of the file."""
    format_numbers.check(shown, content, FORMAT)
    try:
        spread = SeedSpread.model_validate(content)
    except ValidationError as error:
        raise PipelineError(f"{shown}: damaged ({first_problem(error)}); `pipeline seeds` writes it anew") from None
    return spread if (spread.task, spread.target, spread.metric) == (task, target, metric) else None
