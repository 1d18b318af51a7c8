"""The final status of each pipeline, handed from the job that answers a pull request to the one that records."""

import os
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from pipeline.core.errors import PipelineError, first_problem
from pipeline.github.client import statuses

VARIABLE = "GATE_STATUSES"


class FinalStatus(BaseModel):
    """The gate's own verdict as a status.

    `record`: whether what was measured is to be recorded on the branch; `artifact`: the id of what was judged.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: statuses.State
    description: str
    url: str
    record: bool = False
    artifact: int | None = None


ADAPTER = TypeAdapter(dict[str, FinalStatus])


def dump(final: Mapping[str, FinalStatus]) -> str:
    """One line of JSON: the status of each context, as `gate`."""
    return ADAPTER.dump_json(dict(final)).decode()


def read() -> dict[str, FinalStatus] | None:
    """What the answer has set; None where a person runs the command, and the statuses stay as they are."""
    text = os.environ.get(VARIABLE, "")
    try:
        return ADAPTER.validate_json(text) if text else None
    except ValidationError as error:
        raise PipelineError(f"{VARIABLE}: {first_problem(error, 'content')}; `pipeline answer` writes it") from None
