"""The upgrade that is under way, in git's own folder: where it began, and what is still to do."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.core.git import git

NAME = "pipeline-upgrade.json"


class State(BaseModel):
    """One upgrade; `commit` is its own once it is made, `start_branch` None where HEAD was detached."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    before: str | None
    tag: str
    branch: str
    start: str
    start_branch: str | None
    conflicts: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    commit: str | None = None


def path() -> Path:
    return Path(git(Path(), "rev-parse", "--git-path", NAME).stdout.strip())


def read() -> State:
    """The upgrade that is under way; PipelineError where there is none."""
    if not path().is_file():
        raise PipelineError("upgrade: none is under way here; `make upgrade` begins one")
    return State.model_validate(files.read_json(path(), None))


def write(state: State) -> None:
    files.write_json(path(), state.model_dump())


def remove() -> None:
    path().unlink(missing_ok=True)
