"""The release's file: its one path for all that write or read it, apart from the service's own file."""

import json
from pathlib import Path

import pytest

from pipeline.core.errors import PipelineError
from pipeline.ship.deploy.command import deploy
from pipeline.ship.release import manifest
from pipeline.ship.release.command import command
from pipeline.ship.release.verdict import ReleaseVerdict
from pipeline.ship.service import release as served
from tests.pipeline.ship.deploy.hosts_in_memory import release
from tests.pipeline.workflows.test_yaml import WORKFLOWS

FOLDER = "${{ matrix.folder }}"  # of the pipeline that a job releases; empty for the one at the top


def test_every_command_and_step_uses_the_same_path() -> None:
    defaults = [{option.name: option.default for option in each.params} for each in (command, deploy)]
    assert (defaults[0]["target"], defaults[1]["path"]) == (manifest.PATH, manifest.PATH)
    steps = [step.get("with", {}) for step in WORKFLOWS["deploy"]["jobs"]["release"]["steps"]]
    assert [step["predicate-path"] for step in steps if "predicate-path" in step] == [FOLDER + str(manifest.PATH)]
    (artifact,) = [step["path"].splitlines() for step in steps if step.get("name") == "release${{ matrix.suffix }}"]
    assert artifact[0] == FOLDER + str(manifest.PATH)


def test_a_checkout_that_made_a_release_still_serves_its_own_model(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("model.txt", "signature.json"):
        (tmp_path / "models" / name).write_text("{}", encoding="utf-8")
    manifest.write(tmp_path / manifest.PATH, release("a" * 12))

    assert served.read(tmp_path)["release"].startswith("local-")


def test_a_wide_table_with_long_names_has_as_many_golden_rows_as_the_label_holds() -> None:
    names = [f"Größe der Verkäufe über {i}" for i in range(75)]
    golden = [{"row": dict.fromkeys(names, 1.5), "expected": {"score": float(i)}} for i in range(20)]
    wide = release("a" * 12, features=names, golden=golden)
    assert len(manifest.label(wide)) > manifest.MAX_LABEL

    fitted = manifest.fit_label(wide)

    assert len(manifest.label(fitted)) <= manifest.MAX_LABEL
    assert [row["expected"]["score"] for row in fitted.golden] == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert fitted.model_copy(update={"golden": golden}) == wide


def test_names_that_fill_the_label_leave_no_golden_row() -> None:
    names = ["ö" * 60 + str(i) for i in range(300)]
    wide = release("a" * 12, features=names, golden=[{"row": {}, "expected": {}}] * 3)
    assert manifest.fit_label(wide).golden == []


@pytest.mark.parametrize(("version", "number"), [(None, 2), ("0123456789abcdef", 3)])
def test_only_a_release_with_feature_code_has_what_an_older_version_refuses(version: str | None, number: int) -> None:
    judged = ReleaseVerdict(outcome="pass", failing=[], warnings=[], origin="none")
    made = release("a" * 12, format=number, verdict=judged, feature_code=version)
    content = json.loads(manifest.label(made))
    assert (content["format"], content.get("feature_code")) == (number, version)
    assert ("feature_code" in content) is (version is not None)
    assert manifest.parse(manifest.label(made), "the label") == made.model_copy(update={"image": ""})


def test_a_command_that_fails_leaves_no_release_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else `pipeline deploy`, which runs next, would take it."""
    monkeypatch.chdir(tmp_path)
    image = "registry/name@sha256:" + "0" * 64
    for options in (["--overruled-by", "Ann"], ["verify", image, "--json", str(manifest.PATH)]):
        manifest.write(manifest.PATH, release("a" * 12))
        with pytest.raises(PipelineError):
            command.main(options, standalone_mode=False)
        assert not manifest.PATH.exists()
