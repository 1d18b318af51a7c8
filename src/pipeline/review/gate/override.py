"""An override of the gate: a person's decision, as data."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Override(BaseModel):
    """Who overruled the gate, when (UTC), for which commit, and why; `withdrawn`: when it was taken back.

    `reason` is empty where it is read from a status of the template's first version, which did not ask for one.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Literal[1] = 1
    by: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(\[bot\])?$")]
    at: AwareDatetime
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    reason: Annotated[str, Field(max_length=500)] = ""
    withdrawn: AwareDatetime | None = None
