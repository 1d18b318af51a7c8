"""Where a release's image goes."""

import shutil
from pathlib import Path

import pytest

from pipeline.core import params
from pipeline.ship.release import publishing
from tests.pipeline.conftest import FROZEN, Project


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    shutil.copy(FROZEN / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_REPOSITORY", "Acme/Model")
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("name", "registry", "expected"),
    [
        ("null", "", "ghcr.io/acme/model"),
        ("churn", "", "ghcr.io/acme/model/churn"),
        ("churn", "registry.example.org/ml", "registry.example.org/ml/acme/model/churn"),
    ],
)
def test_the_image_is_named_after_the_repository_and_the_pipeline(
    project: Project, name: str, registry: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project.folder / params.PATH
    path.write_text(path.read_text(encoding="utf-8").replace("name: null", f"name: {name}", 1), encoding="utf-8")
    params.forget()
    monkeypatch.setenv("REGISTRY", registry)
    assert publishing.registry_name(None) == expected
    assert publishing.registry_name("registry.example.org/Own") == "registry.example.org/own"
