"""The description of a release before its image is built."""

import pytest

from pipeline.core import params
from pipeline.ship.release import judging, locked_model, making, manifest, production
from tests.pipeline.conftest import FROZEN, Project

KNOBS = params.read(FROZEN / "params.yaml")
pytestmark = pytest.mark.engine


@pytest.mark.parametrize("rows", [20, 0])
def test_a_release_has_as_many_golden_rows_as_params_yaml_says(
    trained: Project, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.chdir(trained.folder)
    trained.configure(release={"golden": rows})
    content = making.Content("a" * 12, locked_model.acquire(trained.folder), "", "base")

    judgement = judging.judge(trained.folder, production.find(trained.folder, "", KNOBS, "HEAD"))
    release = making.describe(trained.folder, content, judgement)

    assert len(release.golden) == rows
    assert manifest.parse(making.labels(trained.folder, release)[manifest.LABEL], "the label") == release
    assert release.expected == {"agreement": 1.0, "shift": 0.0}  # HEAD names this model
    assert release.against == release.model
    assert (release.format, release.verdict) == (2, judgement.verdict)
