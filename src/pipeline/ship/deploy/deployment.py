"""What a deployment is given."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.core.params import Deploy
from pipeline.ship.deploy.github_deployments import Recorder
from pipeline.ship.deploy.targets import Target
from pipeline.ship.release.manifest import Release

Say = Callable[[str], None]


@dataclass(frozen=True)
class Deployment:
    """What is deployed, where, within which bounds, and who is told."""

    release: Release
    target: Target
    bounds: Deploy
    say: Say
    recorder: Recorder
    who: str
