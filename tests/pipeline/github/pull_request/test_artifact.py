"""The artifact is hostile: what is taken out of it, and what is not."""

import stat
import zipfile
from pathlib import Path

import pytest

from pipeline.core.errors import PipelineError
from pipeline.github.client import pulls
from pipeline.github.pull_request import artifact
from pipeline.review.measure.measurement import FILES
from tests.pipeline.github.conftest import RUN, Scene

pytestmark = pytest.mark.engine

MANIFEST = "measurement.json"


def pack(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def test_only_the_files_of_a_measurement_are_taken_out(tmp_path: Path) -> None:
    names = ["../dvc.lock", "/dvc.lock", "sub/dvc.lock", "dvc.lock/", "evil.sh", "DVC.LOCK"]
    packed = pack(tmp_path / "a.zip", (MANIFEST, b"{}"), *((name, b"x") for name in names))
    assert artifact.unpack(packed, tmp_path / "out") == len(names)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [MANIFEST]
    assert not (tmp_path / "dvc.lock").exists()


def test_a_bomb_ends_at_the_files_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILES, MANIFEST, 1000)
    packed = pack(tmp_path / "a.zip", (MANIFEST, b"0" * 50_000_000))
    with pytest.raises(PipelineError, match="larger than 1,000 bytes"):
        artifact.unpack(packed, tmp_path / "out")
    assert (tmp_path / "out" / MANIFEST).stat().st_size <= artifact.CHUNK


def test_a_size_that_the_zip_lies_about_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack(tmp_path / "a.zip", (MANIFEST, b"0" * 100_000))
    monkeypatch.setitem(FILES, MANIFEST, 1000)
    content = packed.read_bytes()
    packed.write_bytes(content.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(PipelineError):
        artifact.unpack(packed, tmp_path / "out")


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("dvc.lock")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(PipelineError, match="dvc.lock is no regular file"):
        artifact.unpack(pack(tmp_path / "a.zip", (link, b"/etc/passwd")), tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="twice"):
        artifact.unpack(pack(tmp_path / "a.zip", (MANIFEST, b"{}"), (MANIFEST, b"[]")), tmp_path / "out")


def test_a_packing_that_is_not_read_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(MANIFEST, b"{}")
    with pytest.raises(PipelineError, match="packed in a way"):
        artifact.unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_huge_table_of_contents_is_not_read(tmp_path: Path) -> None:
    packed = pack(tmp_path / "a.zip", *((f"{place:05}{'x' * 200}", b"") for place in range(5000)))
    with pytest.raises(PipelineError, match="table of contents"):
        artifact.unpack(packed, tmp_path / "out")


@pytest.mark.parametrize("cut", [0, 30, 100])
def test_a_damaged_zip_is_said_in_one_line(tmp_path: Path, cut: int) -> None:
    packed = pack(tmp_path / "a.zip", (MANIFEST, b"{}" * 500))
    packed.write_bytes(packed.read_bytes()[:cut])
    with pytest.raises(PipelineError) as caught:
        artifact.unpack(packed, tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_a_flipped_byte_is_found(tmp_path: Path) -> None:
    packed = pack(tmp_path / "a.zip", (MANIFEST, b"{}" * 500))
    content = bytearray(packed.read_bytes())
    content[50] ^= 0xFF
    packed.write_bytes(bytes(content))
    with pytest.raises(PipelineError):
        artifact.unpack(packed, tmp_path / "out")


def test_an_artifact_that_is_too_large_is_not_downloaded(scene: Scene, tmp_path: Path) -> None:
    scene.github.state["artifacts"][0]["size_in_bytes"] = artifact.LIMIT + 1
    with pytest.raises(PipelineError, match="at most"):
        fetched(tmp_path)
    assert not scene.github.calls("GET", "zip")


def test_a_download_that_grows_beyond_what_was_announced_is_cut_off(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scene.measurement / "measurement.zip").write_bytes(bytes(range(256)) * 4000)
    monkeypatch.setattr(artifact, "LIMIT", 2000)
    scene.github.state["artifacts"][0]["size_in_bytes"] = 1000
    with pytest.raises(PipelineError, match="larger than 2,000 bytes"):
        fetched(tmp_path)


def test_the_newest_artifact_that_is_still_there_is_taken(scene: Scene, tmp_path: Path) -> None:
    older = scene.github.state["artifacts"][0]
    scene.github.state["artifacts"] += [older | {"id": 91, "file": str(tmp_path)}, older | {"id": 95, "expired": True}]
    found = artifact.of_run(pulls.run(RUN))
    assert found["measurement"].id == 91


def test_an_artifact_of_another_head_is_none_of_the_run(scene: Scene, tmp_path: Path) -> None:
    scene.github.state["artifacts"][0]["head_sha"] = scene.base
    with pytest.raises(PipelineError, match="left no artifact"):
        fetched(tmp_path)


def test_a_measurement_of_another_commit_is_refused(scene: Scene, tmp_path: Path) -> None:
    scene.measure(head="a" * 40)
    with pytest.raises(PipelineError, match="another commit"):
        fetched(tmp_path)


def test_what_was_ignored_is_noted(scene: Scene, tmp_path: Path) -> None:
    (scene.measurement / "extra.txt").write_text("x")
    assert fetched(tmp_path) == ["1 more files of the artifact were ignored."]


def fetched(folder: Path) -> list[str]:
    run = pulls.run(RUN)
    return artifact.fetch(run, artifact.of_run(run), folder / "out").measurement.notes
