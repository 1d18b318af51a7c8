"""The section on what is watched in production."""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.core.params.tolerance import Tolerance
from pipeline.core.params.values import Count, Name, Names, Positive, Section, Share, UnitInterval


class Monitor(Section):
    """How the prediction log is judged, window by window."""

    log: Name = Field(description="Folder or fsspec URL of the prediction log; `PIPELINE_LOG_URL` overrides it.")
    labels: Name | None = Field(
        description="Labels that came later: CSV or Parquet (path, glob or URL), columns id and label; "
        "`PIPELINE_LABELS_URL` overrides it."
    )
    window: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,6} (minutes?|hours?|days?|rows)$")] = Field(
        description="<n> minutes, hours or days, aligned in UTC; or <n> rows, counted back from the newest."
    )
    history: Annotated[int, Field(ge=2, le=366)] = Field(description="Windows that are read and shown.")
    windows: Count = Field(description="Number of latest windows that an alarm is decided on.")
    alarm: Count = Field(description="An alarm is this many of those windows beyond the bound, the latest among them.")
    min_rows: Count = Field(description='A window with fewer rows is "not enough data".')
    max_rows: Annotated[int, Field(ge=100, le=10_000)] = Field(
        description="Rows of a window that are compared: those with the lowest hashes of their ids."
    )
    min_labels: Count = Field(description="Labels that a window's performance needs, at least.")
    false_alarms: Share = Field(
        description="Share of windows without drift in which a drift signal may be beyond its bound."
    )
    reference: Literal["training", "recent", "same_season"] = Field(
        default="training",
        description="What data are compared with: all rows that the model learned from (training), the newest of "
        "them (recent), or those of the months around the window's, in any year (same_season).",
    )
    reference_rows: Count = Field(
        description="Training rows that a recent reference holds; all where there are fewer.",
    )
    blocks: Name | None = Field(
        default=None,
        description="Column whose rows of one day (of another column than a date: of one value) are not independent; "
        "null: split.time.",
    )
    missing: UnitInterval = Field(description="Rise of a column's share of missing values, at most.")
    unseen: UnitInterval = Field(description="Share of a column's values that training never saw, at most.")
    volume: UnitInterval = Field(description="Rows of a window over the median of the windows before it, at least.")
    latency_ms: Positive = Field(description="p99 latency of a window, in milliseconds, at most.")
    performance: Tolerance = Field(
        description="How much worse gate.primary may be than on the test rows, beyond what chance explains."
    )
    assignees: Names = Field(
        description="GitHub logins that the issue is assigned to; empty: the repository's owners in CODEOWNERS."
    )

    @property
    def days(self) -> int | None:
        """Days of the log that one run reads, rounded up; None where a window is a number of rows."""
        number, unit = self.window.split()
        in_a_day = {"minute": 1440, "hour": 24, "day": 1}.get(unit.removesuffix("s"))
        return math.ceil(int(number) * self.history / in_a_day) if in_a_day else None

    @model_validator(mode="after")
    def _alarm_can_be_reached(self) -> "Monitor":
        if self.alarm > self.windows or self.windows > self.history:
            given = f"alarm {self.alarm}, windows {self.windows}, history {self.history}"
            raise ValueError(f"{given}: allowed: alarm at most windows, windows at most history")
        if self.min_rows > self.max_rows:
            raise ValueError(
                f"min_rows {self.min_rows} is above max_rows {self.max_rows}; lower the one or raise the other"
            )
        return self
