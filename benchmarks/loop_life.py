"""What became of a table in the closed loop, month by month."""

from dataclasses import dataclass

from benchmarks.loop_truth import Interval

SHOWN = ("data_drift", "prediction_drift", "performance")
MERGED = ("pass", "warn", "note")  # verdicts of the gate


@dataclass(frozen=True)
class Month:
    """A month of a table.

    `first`: the first model's metric; `gain`: by how much the loop's model is better on the same rows; `loss`: by how
    much the served model is worse than on the rows that it was measured on. `looks`: when the monitor looked, of which
    `step` are a week (one, where windows are weeks); `alarmed`: those at which a signal alarmed. `retraining`: the
    gate's verdict on it.
    """

    table: str
    metric: str
    start: str
    release: int
    first: Interval
    gain: Interval
    loss: Interval
    looks: list[str]
    step: int
    alarmed: dict[str, list[str]]
    retraining: str

    @property
    def merged(self) -> bool:
        """Whether a model that was retrained at the end of the month serves from then on."""
        return self.retraining in MERGED

    def weeks(self, name: str) -> list[bool]:
        """Whether the signal alarmed at any look of each whole week."""
        starts = range(0, len(self.looks) - self.step + 1, self.step)
        return [any(look in self.alarmed[name] for look in self.looks[start : start + self.step]) for start in starts]


@dataclass(frozen=True)
class Quarter:
    """A quarter: by how much the first model is worse than on the rows that it was measured on, and by how much the
    loop's is better than the first."""

    table: str
    start: str
    loss: Interval
    gain: Interval


@dataclass(frozen=True)
class Life:
    months: list[Month]
    quarters: list[Quarter]
    seconds: float
