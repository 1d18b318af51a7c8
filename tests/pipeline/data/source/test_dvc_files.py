"""Data that DVC holds: brought where it is missing or outdated; what a person has changed is never overwritten."""

import shutil
from pathlib import Path

import pytest

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.core.params import Data
from pipeline.data.source import dvc_files, fetch, sources
from tests.pipeline.conftest import Project

pytestmark = pytest.mark.engine
NAME = "data/t.csv"
FIRST, SECOND = "a\n1\n", "a\n2\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A repository whose table is in DVC's cache and on a remote, which is a folder."""
    project = Project(tmp_path / "project")
    (project.folder / "data").mkdir(parents=True)
    project.ok("git", "init", "-q", "-b", "main")
    project.ok("dvc", "init", "-q")
    project.ok("dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "store"))
    monkeypatch.chdir(project.folder)
    Path(NAME).write_text(FIRST, encoding="utf-8")
    dvc_files.add(Path(), [NAME])
    assert dvc_files.push(Path(), [NAME]) is None
    return project


def test_a_file_that_is_missing_comes_from_the_cache_or_the_remote(project: Project) -> None:
    assert "/t.csv" in project.read("data/.gitignore")
    for lost in ([Path(NAME)], [Path(NAME), Path(".dvc/cache")]):
        for path in lost:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        assert dvc_files.bring() == []
        assert Path(NAME).read_text(encoding="utf-8") == FIRST


def test_fetch_records_what_it_brought(project: Project) -> None:
    Path(NAME).unlink()
    assert fetch.refresh(Data(source=NAME, key=None, deduplicate=False))
    (file,) = files.read_json(sources.FINGERPRINT)["files"]
    assert (file["path"], file["sha256"]) == (NAME, sources.digest(Path(NAME)))


def test_after_a_pull_the_older_file_gives_way(project: Project) -> None:
    older = Path(f"{NAME}.dvc").read_bytes()
    Path(NAME).write_text(SECOND, encoding="utf-8")
    dvc_files.add(Path(), [NAME])
    Path(f"{NAME}.dvc").write_bytes(older)
    assert dvc_files.bring() == []
    assert Path(NAME).read_text(encoding="utf-8") == FIRST


def test_a_change_by_hand_is_kept_and_named(project: Project) -> None:
    Path(NAME).write_text(SECOND, encoding="utf-8")
    with pytest.raises(PipelineError) as error:
        dvc_files.bring()
    assert str(error.value) == (
        "data/t.csv: is not the content that data/t.csv.dvc names; where the change is intended, `dvc add data/t.csv` "
        "and `dvc push data/t.csv`, else remove the file and run again"
    )
    assert Path(NAME).read_text(encoding="utf-8") == SECOND


def test_without_a_remote_a_missing_file_is_one_line_and_the_recorded_fingerprint_will_do(project: Project) -> None:
    data = Data(source=NAME, key=None, deduplicate=False)
    fetch.refresh(data)
    project.ok("dvc", "remote", "remove", "store")
    Path(NAME).unlink()
    shutil.rmtree(".dvc/cache")
    (line,) = dvc_files.bring()
    assert line.startswith("data/t.csv: is not in the DVC cache, and no DVC remote gave it (there is no DVC remote)")
    with pytest.raises(fetch.UnreachableError, match=r"data/t.csv: is not in the DVC cache"):
        fetch.refresh(data)


def test_a_remote_that_can_not_be_reached_is_named_without_its_password(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(dvc_files.URL_VARIABLE, "http://someone:hunter22@127.0.0.1:9/store")
    Path(NAME).unlink()
    shutil.rmtree(".dvc/cache")
    (line,) = dvc_files.bring()
    assert "hunter22" not in line


@pytest.mark.parametrize("text", ["outs: []\n", "- a\n", "outs: [{path: t.csv}]\n"])
def test_a_damaged_dvc_file_is_one_line(project: Project, text: str) -> None:
    Path(f"{NAME}.dvc").write_text(text, encoding="utf-8")
    with pytest.raises(PipelineError, match=r"data/t.csv.dvc: is no .dvc file of one output"):
        dvc_files.bring()
