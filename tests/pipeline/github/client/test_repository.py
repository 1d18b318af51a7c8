"""The repository that a command talks to: the workflow's, or the one that the clone came from."""

from pathlib import Path

import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.git import git
from pipeline.github.client import api


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GITHUB_REPOSITORY", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    return tmp_path


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/octo/credit.git",
        "https://github.com/octo/credit",
        "https://t0ken@github.com/octo/credit/",
        "git@github.com:octo/credit.git",
        "ssh://git@github.com/octo/credit.git",
    ],
)
def test_outside_a_workflow_it_is_the_clones_origin(clone: Path, url: str) -> None:
    git(clone, "remote", "add", "origin", url)
    assert api.repository() == "octo/credit"


@pytest.mark.parametrize("url", ["", "https://gitlab.com/octo/credit", "/srv/credit", "https://evilgithub.com/octo/x"])
def test_any_other_origin_is_refused_in_one_line(clone: Path, url: str) -> None:
    if url:
        git(clone, "remote", "add", "origin", url)
    with pytest.raises(
        PipelineError, match=r"^GITHUB_REPOSITORY: is not set .* `origin` is no repository of https://g"
    ):
        api.repository()


def test_the_workflows_own_goes_first(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(clone, "remote", "add", "origin", "https://github.com/octo/other")
    monkeypatch.setenv("GITHUB_REPOSITORY", "octo/credit")
    assert api.repository() == "octo/credit"
