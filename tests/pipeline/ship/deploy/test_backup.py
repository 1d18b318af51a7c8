"""The backup's file: what it holds, and one line for each that can't be restored."""

import json
from pathlib import Path

import pytest

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.ship.deploy import backup
from pipeline.ship.deploy.docker import haproxy
from tests.pipeline.conftest import FROZEN
from tests.pipeline.ship.deploy.hosts_in_memory import release

BOUNDS = params.section(params.Deploy, FROZEN / "params.yaml")
ID = "0123456789ab"


def state(image: str = "registry/name@sha256:1") -> dict[str, str]:
    return {
        "ledger.jsonl": '{"time": "t"}\n',
        "haproxy.cfg": haproxy.configuration(ID, "a", f"pipeline-release-{ID}", 1000),
        "front.cfg": "front",
        "keys.map": "hash ann@2026-11-28\n",
        f"releases/{ID}.json": release(ID, image=image).model_dump_json(),
    }


def test_a_backup_holds_ledger_releases_and_keys_and_no_file_of_the_proxy(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    assert backup.write(path, state(), BOUNDS) == ID
    kept, champion, _ = backup.read(path, BOUNDS)
    assert set(kept) == {"ledger.jsonl", "keys.map", f"releases/{ID}.json"}
    assert champion.id == ID


def test_a_host_without_a_champion_has_nothing_to_keep(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="nothing serves as pipeline on this host"):
        backup.write(tmp_path / "host.json", {"ledger.jsonl": ""}, BOUNDS)
    assert not (tmp_path / "host.json").exists()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"format": 1', '"format": 2', "written by a newer version of the template"),
        ('"name": "pipeline"', '"name": "other"', "is of the deployment other, and deploy.name in params.yaml is"),
        ("registry/name", "elsewhere/name", "damaged: its content is not what was written"),
        ('"state"', '"stat"', "is no backup; `pipeline backup` makes one"),
        ("{", "[", "damaged"),
    ],
)
def test_what_is_no_backup_of_this_deployment_is_one_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    path = tmp_path / "host.json"
    backup.write(path, state(), BOUNDS)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(PipelineError, match=problem) as error:
        backup.read(path, BOUNDS)
    assert len(str(error.value).splitlines()) == 1


def test_an_image_that_was_never_pushed_can_not_be_restored(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    backup.write(path, state("sha256:12"), BOUNDS)
    with pytest.raises(PipelineError, match="was never pushed, so no registry has its image"):
        backup.read(path, BOUNDS)


def test_a_file_that_leaves_the_state_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    backup.write(path, state() | {"releases/../../x": "y"}, BOUNDS)
    assert "releases/../../x" in json.loads(path.read_text())["state"]
    with pytest.raises(PipelineError, match="damaged"):
        backup.read(path, BOUNDS)
