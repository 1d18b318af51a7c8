"""A project that can be released, in a folder of its own for each test; its training is shared."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import Project
from tests.pipeline.ship.release import parts
from tests.pipeline.workflows import world


class Releasing(Project):
    """A project that runs `pipeline release`, with a registry and a key of its own."""

    def __init__(self, folder: Path, registry: str, key: Path, public: Path) -> None:
        super().__init__(folder)
        self.registry, self.key, self.public = registry, key, public

    @property
    def name(self) -> str:
        return f"{self.registry}/acme/model"

    def release(
        self, *options: str, report: dict[str, Any] | None = None, **env: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run `pipeline release`, with `report` as Grype's report if there is one."""
        arguments = [*options, "--registry", self.name, "--sign", str(self.key)]
        if report is not None:
            (self.folder / "build").mkdir(exist_ok=True)
            (self.folder / "build/report.json").write_text(json.dumps(report), encoding="utf-8")
            arguments += ["--report", "build/report.json"]
        return self.pipeline("release", *arguments, **env)

    def pipeline(self, *command: str, **env: str) -> "subprocess.CompletedProcess[str]":
        base = {"PIPELINE_BASE_IMAGE": parts.serving_base(), "COSIGN_PASSWORD": ""} | env
        return self.run("pipeline", *command, PATH=parts.programs(), **base)

    def manifest(self) -> dict[str, Any]:
        return dict(json.loads(self.read("build/release.json")))


@pytest.fixture
def trained(tmp_path: Path) -> Project:
    """A project whose pipeline has been run and committed on main."""
    shutil.copytree(world.base() / "work", tmp_path / "work")
    return Project(tmp_path / "work")


@pytest.fixture
def releasing(trained: Project, tmp_path: Path) -> Iterator[Releasing]:
    parts.require_parts()
    key, public = parts.key(tmp_path / "keys")
    with parts.registry(tmp_path / "registry") as host:
        yield Releasing(trained.folder, host, key, public)
