"""The project's features in a measurement, as a file: made by a pull request, and therefore untrusted."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FILE = "features.json"  # of the measurement
MAX_CODE = 200_000  # characters of all files; code that is longer is not shown

Name = Annotated[str, Field(max_length=1000)]
Figure = Annotated[float, Field(ge=-1e18, le=1e18)]


class Shape(BaseModel):
    """What a later version adds to the file is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class FeatureFigures(Shape):
    """`alone`: how well the feature alone gives the target (evaluation/single_feature.py).

    `drift`: the distance of its test rows from its training rows over the bound of its test.
    """

    microseconds: Figure  # that its function takes of a request
    missing: Figure  # share of the test rows
    drift: Figure | None = None
    alone: Figure | None = None


class FeatureReport(Shape):
    """`files`: the text of each Python file of the package; empty where they are too long to show.

    `alone_metric`: that of the figures `alone`. `columns_main`: the columns that main's model needs; None where they
    are unknown.
    """

    format: Literal[1] = 1
    files: dict[Name, str] = Field(default={}, max_length=1000)
    features: dict[Name, FeatureFigures] = Field(default={}, max_length=10_000)
    alone_metric: Name = ""
    columns_main: list[Name] | None = Field(default=None, max_length=20_000)
