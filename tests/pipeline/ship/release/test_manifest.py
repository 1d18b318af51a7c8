"""The release's file: where everything that writes or reads it finds it, and out of the service's way."""

from pathlib import Path

from pipeline.ship.deploy.command import deploy
from pipeline.ship.release import manifest
from pipeline.ship.release.command import command
from pipeline.ship.service import release as served
from tests.pipeline.ship.deploy.hosts_in_memory import release
from tests.pipeline.workflows.test_yaml import WORKFLOWS


def test_every_part_takes_the_file_from_the_same_place() -> None:
    defaults = [{option.name: option.default for option in one.params} for one in (command, deploy)]
    assert (defaults[0]["target"], defaults[1]["path"]) == (manifest.PATH, manifest.PATH)
    steps = [step.get("with", {}) for step in WORKFLOWS["deploy"]["jobs"]["release"]["steps"]]
    assert [told["predicate-path"] for told in steps if "predicate-path" in told] == [str(manifest.PATH)]
    (artifact,) = [told["path"].split() for told in steps if told.get("name") == "release"]
    assert artifact[0] == str(manifest.PATH)


def test_a_checkout_that_made_a_release_still_serves_its_own_model(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("model.txt", "signature.json"):
        (tmp_path / "models" / name).write_text("{}", encoding="utf-8")
    manifest.write(tmp_path / manifest.PATH, release("a" * 12))

    assert served.read(tmp_path)["release"].startswith("local-")


def test_a_wide_table_with_long_names_has_as_many_golden_rows_as_the_label_holds() -> None:
    names = [f"Größe der Verkäufe über {at}" for at in range(75)]
    golden = [{"row": dict.fromkeys(names, 1.5), "expected": {"score": float(at)}} for at in range(20)]
    wide = release("a" * 12, features=names, golden=golden)
    assert len(manifest.label(wide)) > manifest.LONGEST

    found = manifest.fitting(wide)

    assert len(manifest.label(found)) <= manifest.LONGEST
    assert [one["expected"]["score"] for one in found.golden] == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert found.model_copy(update={"golden": golden}) == wide


def test_names_that_fill_the_label_alone_leave_no_golden_row() -> None:
    names = ["ö" * 60 + str(at) for at in range(300)]
    wide = release("a" * 12, features=names, golden=[{"row": {}, "expected": {}}] * 3)
    assert manifest.fitting(wide).golden == []
