"""The artifact is untrusted: what is extracted from it, and what is not."""

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


def test_only_the_files_of_a_measurement_are_extracted(tmp_path: Path) -> None:
    names = ["../dvc.lock", "/dvc.lock", "sub/dvc.lock", "dvc.lock/", "evil.sh", "DVC.LOCK"]
    archive = pack(tmp_path / "a.zip", (MANIFEST, b"{}"), *((name, b"x") for name in names))
    assert artifact.unpack(archive, tmp_path / "out") == len(names)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [MANIFEST]
    assert not (tmp_path / "dvc.lock").exists()


def test_a_zip_bomb_is_cut_at_the_files_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILES, MANIFEST, 1000)
    archive = pack(tmp_path / "a.zip", (MANIFEST, b"0" * 50_000_000))
    with pytest.raises(PipelineError, match="larger than 1,000 bytes"):
        artifact.unpack(archive, tmp_path / "out")
    assert (tmp_path / "out" / MANIFEST).stat().st_size <= artifact.CHUNK


def test_a_wrong_size_in_the_zip_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = pack(tmp_path / "a.zip", (MANIFEST, b"0" * 100_000))
    monkeypatch.setitem(FILES, MANIFEST, 1000)
    content = archive.read_bytes()
    archive.write_bytes(content.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(PipelineError):
        artifact.unpack(archive, tmp_path / "out")


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("dvc.lock")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(PipelineError, match="dvc.lock is not a regular file"):
        artifact.unpack(pack(tmp_path / "a.zip", (link, b"/etc/passwd")), tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="twice"):
        artifact.unpack(pack(tmp_path / "a.zip", (MANIFEST, b"{}"), (MANIFEST, b"[]")), tmp_path / "out")


def test_an_unsupported_compression_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(MANIFEST, b"{}")
    with pytest.raises(PipelineError, match="its compression is not supported"):
        artifact.unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_huge_table_of_contents_is_not_read(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", *((f"{index:05}{'x' * 200}", b"") for index in range(5000)))
    with pytest.raises(PipelineError, match="table of contents"):
        artifact.unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("size", [0, 30, 100])
def test_a_truncated_zip_is_reported_in_one_line(tmp_path: Path, size: int) -> None:
    archive = pack(tmp_path / "a.zip", (MANIFEST, b"{}" * 500))
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(PipelineError) as caught:
        artifact.unpack(archive, tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_a_flipped_byte_is_detected(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", (MANIFEST, b"{}" * 500))
    content = bytearray(archive.read_bytes())
    content[50] ^= 0xFF
    archive.write_bytes(bytes(content))
    with pytest.raises(PipelineError):
        artifact.unpack(archive, tmp_path / "out")


def test_an_artifact_that_is_too_large_is_not_downloaded(scene: Scene, tmp_path: Path) -> None:
    scene.github.state["artifacts"][0]["size_in_bytes"] = artifact.LIMIT + 1
    with pytest.raises(PipelineError, match="at most"):
        fetch_notes(tmp_path)
    assert not scene.github.calls("GET", "zip")


def test_a_download_that_is_larger_than_announced_is_cut_off(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scene.measurement / "measurement.zip").write_bytes(bytes(range(256)) * 4000)
    monkeypatch.setattr(artifact, "LIMIT", 2000)
    scene.github.state["artifacts"][0]["size_in_bytes"] = 1000
    with pytest.raises(PipelineError, match="larger than 2,000 bytes"):
        fetch_notes(tmp_path)


def test_the_newest_artifact_that_has_not_expired_is_used(scene: Scene, tmp_path: Path) -> None:
    older = scene.github.state["artifacts"][0]
    scene.github.state["artifacts"] += [older | {"id": 91, "file": str(tmp_path)}, older | {"id": 95, "expired": True}]
    artifacts = artifact.of_run(pulls.run(RUN))
    assert artifacts["measurement"].id == 91


def test_an_artifact_of_another_head_does_not_count(scene: Scene, tmp_path: Path) -> None:
    scene.github.state["artifacts"][0]["head_sha"] = scene.base
    with pytest.raises(PipelineError, match="left no artifact"):
        fetch_notes(tmp_path)


def test_a_measurement_of_another_commit_is_refused(scene: Scene, tmp_path: Path) -> None:
    scene.measure(head="a" * 40)
    with pytest.raises(PipelineError, match="another commit"):
        fetch_notes(tmp_path)


def test_ignored_files_are_noted(scene: Scene, tmp_path: Path) -> None:
    (scene.measurement / "extra.txt").write_text("x")
    assert fetch_notes(tmp_path) == ["1 more files of the artifact were ignored."]


def fetch_notes(folder: Path) -> list[str]:
    run = pulls.run(RUN)
    return artifact.fetch(run, artifact.of_run(run), folder / "out").measurement.notes
