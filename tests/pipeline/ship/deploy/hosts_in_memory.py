"""A host without containers, for what only reads and writes the ledger."""

from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.ship.deploy.docker.host import DockerHost
from pipeline.ship.release.manifest import Release


def release(number: str, **changes: Any) -> Release:
    told = {"image": f"registry/name@sha256:{number}", "commit": "c" * 40, "lock": "1", "model": "2", "task": "binary"}
    rest = {"metrics": {}, "features": ["x"], "created": "", "golden": [], "expected": {}}
    return Release.model_validate({"id": number} | told | rest | changes)


class MemoryHost(DockerHost):
    """Remembers what is recorded, and what is said to serve."""

    def __init__(self, serving: Release | None = None) -> None:
        self.entries: list[dict[str, Any]] = []
        self.serving, self.full = serving, False

    def champion(self) -> str | None:
        return self.serving.id if self.serving else None

    def known(self, release: str) -> Release | None:
        return self.serving if self.serving and self.serving.id == release else None

    def ledger(self) -> list[dict[str, Any]]:
        return list(self.entries)

    def record(self, entry: dict[str, Any]) -> None:
        if self.full:
            raise PipelineError("the host: append: [Errno 28] No space left on device")
        self.entries.append(entry)
