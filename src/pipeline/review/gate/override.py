"""An override of the gate: a person's decision, as data, in the first line of a comment of ours."""

import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

LABEL = "gate: override"  # of the pull request, while its override counts
LINE = re.compile(r"<!-- pipeline-override (\{.*\}) -->\r?\n")


class Override(BaseModel):
    """Who overruled the gate, when (UTC), for which commit, and why; `withdrawn`: when it was taken back.

    `run` is the run of override.yaml that gave it. `reason` is empty and `run` is None where the record has none.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Literal[1] = 1
    by: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(\[bot\])?$")]
    at: AwareDatetime
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    reason: Annotated[str, Field(max_length=500)] = ""
    run: int | None = None
    withdrawn: AwareDatetime | None = None


def recorded(comment: str | None) -> Override | None:
    """The override that a comment of ours records; None where it records none, or somebody has damaged it."""
    line = LINE.match(comment or "")
    try:
        return Override.model_validate_json(line[1]) if line else None
    except ValidationError:
        return None
