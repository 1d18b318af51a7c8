"""A host's ledger and records of releases as one file, and a host rebuilt from it and the registry."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.core import files, format_numbers
from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.ship.deploy.deploy import confirm, notify, recording
from pipeline.ship.deploy.deployment import Deployment
from pipeline.ship.deploy.docker import access, haproxy
from pipeline.ship.deploy.docker.host import DockerHost
from pipeline.ship.deploy.docker.proxy import CONFIGURATION
from pipeline.ship.deploy.rollout import smoke_test
from pipeline.ship.release import ledger, manifest
from pipeline.ship.release.manifest import Release

FORMAT = 1  # of the file
KEPT = (ledger.FILE, access.KEYS, "releases/")  # of the state; the proxy's files are written anew
LOCAL = "sha256:"  # how an image begins that no registry has


def write(path: Path, state: Mapping[str, str], bounds: Deploy) -> str:
    """Write the backup of a host's state; the release that serves. PipelineError where none does."""
    champion = haproxy.champion(state.get(CONFIGURATION))
    if champion is None:
        raise PipelineError(f"backup: nothing serves as {bounds.name} on this host, so there is nothing to keep")
    kept = {name: text for name, text in state.items() if name.startswith(KEPT)}
    content = {"format": FORMAT, "name": bounds.name, "champion": champion[0]} | ledger.timestamp()
    files.write_text(path, json.dumps(content | {"state": kept, "sha256": _digest(kept)}, indent=1) + "\n")
    return champion[0]


def read(path: Path, bounds: Deploy) -> tuple[dict[str, str], Release, str]:
    """The state, the release that served, and the time of a backup; PipelineError where it is damaged or another's."""
    content = files.read_json(path, None)
    format_numbers.check(str(path), content, FORMAT)
    try:
        state, champion, name, time = (content[key] for key in ("state", "champion", "name", "time"))
        intact = content["sha256"] == _digest(state) and all(key.startswith(KEPT) and ".." not in key for key in state)
        record = state[f"releases/{champion}.json"]
    except (KeyError, TypeError, AttributeError):
        raise PipelineError(f"{path}: is no backup; `pipeline backup` makes one") from None
    if not intact:
        raise PipelineError(f"{path}: damaged: its content is not what was written; take another backup")
    if name != bounds.name:
        raise PipelineError(f"{path}: is of the deployment {name}, and deploy.name in params.yaml is {bounds.name}")
    release = manifest.parse(record, f"{path}: release {champion}")
    if release.image.startswith(LOCAL):
        raise PipelineError(
            f"{path}: release {champion} was never pushed, so no registry has its image; release and deploy it again"
        )
    return state, release, str(time)


def restore(state: Mapping[str, str], time: str, deployment: Deployment, verify: Callable[[Release], None]) -> None:
    """Bring the ledger back, and the release that served into service; FailedError where that fails."""
    release = deployment.release
    verify(release)
    with deployment.target.lock(release.image, deployment.deployer) as host:
        assert isinstance(host, DockerHost)
        _bring_back(host, state)
        host.reset()
        with recording(deployment, host, None):
            deployment.say(f"starting release {release.id}, which served at {time}")
            host.start(release)
            smoke_test(release, host)
            host.promote(release)
        deployment.say(confirm(host, release.id))
        notify(deployment, host)


def _bring_back(host: DockerHost, state: Mapping[str, str]) -> None:
    """Write the state's files; PipelineError where the host has a champion, or a ledger of its own."""
    if champion := host.champion():
        raise PipelineError(
            f"restore: release {champion} serves on this host; only a host that lost its state is rebuilt"
        )
    former, text = host.read_state(ledger.FILE) or "", state.get(ledger.FILE, "")
    if former and not former.startswith(text):
        raise PipelineError("restore: this host has a ledger of its own; only a host that lost its state is rebuilt")
    for name, content in state.items():
        if name != ledger.FILE or not former:
            host.write_state(name, content)


def _digest(state: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
