"""The upgrade that is under way, in git's own folder: where it began, and what is still to do."""

import shlex
import shutil
import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict

import pipeline
from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.core.git import git

NAME = "pipeline-upgrade.json"
KEPT = "pipeline-upgrade"  # the engine that began the upgrade: the one in the work tree may be in conflict
ENGINE = Path(pipeline.__file__).parent


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
    return _in_git(NAME)


def keep_engine() -> None:
    """Copy the running engine out of the work tree, so that it can finish or end what it has begun."""
    shutil.rmtree(_in_git(KEPT), ignore_errors=True)
    if ENGINE.is_relative_to(Path.cwd()):
        shutil.copytree(ENGINE, _in_git(KEPT) / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))


def command(option: str) -> str:
    """The command line that goes on with the upgrade, by the engine that has begun it."""
    kept = f"PYTHONPATH={_in_git(KEPT)} " if _in_git(KEPT).is_dir() else ""
    return f"{kept}{shlex.quote(sys.argv[0])} upgrade {option}"


def _in_git(name: str) -> Path:
    return Path(git(Path(), "rev-parse", "--git-path", name).stdout.strip())


def read() -> State:
    """The upgrade that is under way; PipelineError where there is none."""
    if not path().is_file():
        raise PipelineError("upgrade: none is under way here; `make upgrade` begins one")
    return State.model_validate(files.read_json(path(), None))


def write(state: State) -> None:
    files.write_json(path(), state.model_dump())


def remove() -> None:
    path().unlink(missing_ok=True)
    shutil.rmtree(_in_git(KEPT), ignore_errors=True)
