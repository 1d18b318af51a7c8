"""A host without containers, for tests that only read and write the ledger."""

from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.ship.deploy.docker.host import DockerHost
from pipeline.ship.release.manifest import Release


def release(identity: str, **changes: Any) -> Release:
    required = {
        "image": f"registry/name@sha256:{identity}",
        "commit": "c" * 40,
        "lock": "1",
        "model": "2",
        "task": "binary",
    }
    rest = {"metrics": {}, "features": ["x"], "created": "", "golden": [], "expected": {}}
    return Release.model_validate({"id": identity} | required | rest | changes)


class MemoryHost(DockerHost):
    """Holds the ledger's entries and the release that serves."""

    def __init__(self, serving: Release | None = None) -> None:
        self.entries: list[dict[str, Any]] = []
        self.serving, self.full = serving, False

    def champion(self) -> str | None:
        return self.serving.id if self.serving else None

    def serves(self) -> bool:
        return self.serving is not None

    def find_release(self, release: str) -> Release | None:
        return self.serving if self.serving and self.serving.id == release else None

    def ledger(self) -> list[dict[str, Any]]:
        return list(self.entries)

    def record(self, entry: dict[str, Any]) -> None:
        if self.full:
            raise PipelineError("the host: append: [Errno 28] No space left on device")
        self.entries.append(entry)
