"""The types of single values in `params.yaml`, and what every section of it is."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict

Name = Annotated[str, Field(min_length=1)]
PipelineName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
Names = Annotated[tuple[Name, ...], Strict(strict=False)]
Share = Annotated[float, Field(gt=0, lt=1)]
UnitInterval = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Section(BaseModel):
    """A part of `params.yaml`: an unknown key is an error, a value keeps its type.

    A field's description is the comment of its key in `params.yaml` and its line in docs/reference/parameters.md.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
