"""A deployment: what is deployed, where, within which bounds, and up to which share of the traffic."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.deploy.target import Target
from pipeline.ship.release.manifest import Release

Say = Callable[[str], None]


@dataclass(frozen=True)
class Deployment:
    """What is deployed, where and within which bounds; `say` prints progress, `recorder` records the outcome.

    It waits at the share `pause_at` until somebody continues it; shares up to `after` were good before it was taken up.
    """

    release: Release
    target: Target
    bounds: Deploy
    say: Say
    recorder: Recorder
    deployer: str
    pause_at: int | None = None
    after: int = 0


class ChampionStoppedError(PipelineError):
    """There is nothing left to compare the candidate with, and nothing to return to."""
