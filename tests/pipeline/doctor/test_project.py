"""What `pipeline doctor` finds in a project: each part where it is good, and where it is not."""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.core.git import git
from pipeline.data.source import fetch
from pipeline.doctor import project
from pipeline.doctor.command import examine
from pipeline.doctor.finding import Check, Finding
from tests.pipeline.conftest import FROZEN


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The frozen project, fetched."""
    shutil.copytree(FROZEN, tmp_path, dirs_exist_ok=True)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    fetch.refresh(params.read().data)
    return tmp_path


def find(check: Check) -> Finding:
    return examine({"it": check})["it"]


def change(name: str, old: str, new: str) -> None:
    text = Path(name).read_text(encoding="utf-8")
    assert old in text
    Path(name).write_text(text.replace(old, new), encoding="utf-8")
    params._read.cache_clear()


def test_parameters() -> None:
    assert find(project.parameters).state == "good"
    change("params.yaml", "num_leaves:", "num_leave:")
    assert find(project.parameters) == Finding("wrong", "params.yaml: train.num_leaves: missing; add it (and 1 more)")


def test_data() -> None:
    assert find(project.data).state == "good"
    Path("data/credit_default.parquet").write_bytes(b"other")
    assert "is not the content that data/source.json records" in find(project.data).text
    Path("data/credit_default.parquet").unlink()
    assert find(project.data).state == "wrong"
    Path("data/source.json").unlink()
    assert "`pipeline fetch` makes it" in find(project.data).text


def test_data_under_another_name_are_not_those_that_were_recorded() -> None:
    change("params.yaml", "source: data/credit_default.parquet", "source: data/mine.parquet")
    assert (find(project.data).state, find(project.data).remedy) == ("wrong", "pipeline fetch")


def test_large_data_are_compared_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "HASHED", 0)
    assert find(project.data).text.endswith("files and sizes as data/source.json records them")
    Path("data/credit_default.parquet").write_bytes(b"other")
    assert find(project.data).state == "wrong"


def test_contract() -> None:
    assert find(project.contract).state == "good"
    change("data/schema.yaml", "  age:", "  ages:")
    assert "age is no column of data/schema.yaml" in find(project.contract).text
    Path("data/schema.yaml").unlink()
    assert "`pipeline schema` infers it" in find(project.contract).text


def write_lock(*hashes: str) -> None:
    outs = "".join(f"    - path: models/{md5}\n      md5: {md5}\n" for md5 in hashes)
    Path("dvc.lock").write_text(f"schema: '2.0'\nstages:\n  train:\n    cmd: x\n    outs:\n{outs}")


def test_lock() -> None:
    assert (find(project.lock).state, find(project.lock).remedy) == ("missing", "make run")
    write_lock("aa11", "bb22")
    for name in ("aa/11", "bb/22"):
        assert find(project.lock).state == "missing"
        path = Path(".dvc/cache/files/md5") / name
        path.parent.mkdir(parents=True)
        path.touch()
    assert find(project.lock).text == "dvc.lock: its 2 outputs are in the cache"
    Path("dvc.lock").write_text("<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> main\n")
    assert (find(project.lock).state, "begins a merge conflict" in find(project.lock).text) == ("wrong", True)


def test_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find(project.cache).state == "good"
    Path(".dvc/config").write_text("[cache]\n    dir = ../shared\n")
    assert find(project.cache).text == ".dvc/../shared can be written"
    (folder / "shared").touch()
    assert find(project.cache).state == "wrong"
    (folder / "shared").unlink()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    assert find(project.cache).state == "wrong"


def set_remote(url: Any) -> None:
    Path(".dvc/config").write_text(f"[core]\n    remote = store\n['remote \"store\"']\n    url = {url}\n")


@pytest.mark.engine
def test_remote_in_a_folder(folder: Path) -> None:
    git(Path(), "init", "-q")
    assert find(project.remote).state == "missing"
    set_remote(folder / "store")
    assert find(project.remote).state == "good"
    assert not (folder / "store").exists()
    (folder / "file").touch()
    set_remote(folder / "file/store")
    assert find(project.remote).state == "wrong"


@pytest.mark.engine
def test_remote_in_a_bucket(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    git(Path(), "init", "-q")
    monkeypatch.setenv("DVC_REMOTE_URL", "s3://bucket/dvc")
    assert find(project.remote) == Finding("good", "s3://bucket/dvc: can be read and written")
    assert store.list_objects_v2(Bucket="bucket")["KeyCount"] == 0
    assert "Uploads" not in store.list_multipart_uploads(Bucket="bucket")
    monkeypatch.setenv("DVC_REMOTE_URL", "s3://none/dvc")
    assert (find(project.remote).state, "s3://none/dvc" in find(project.remote).text) == ("wrong", True)


def test_a_remote_that_only_a_push_can_try_is_not_visible() -> None:
    assert project._only_read("ssh://host/dvc").state == "not visible"


def test_mlflow_in_a_file(folder: Path) -> None:
    assert find(project.mlflow).text == "sqlite:///mlflow.db: made by the first run"
    with sqlite3.connect(folder / "mlflow.db") as store:
        store.execute("create table runs (id text)")
        store.execute("insert into runs values ('a')")
    assert find(project.mlflow).text == "sqlite:///mlflow.db: can be read; runs: 1"
    (folder / "mlflow.db").write_bytes(b"no database" * 100)
    assert (find(project.mlflow).state, find(project.mlflow).remedy) == ("wrong", "mv mlflow.db mlflow.db.damaged")


def test_mlflow_on_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    finding = find(project.mlflow)
    assert (finding.state, finding.remedy) == ("wrong", "curl http://127.0.0.1:9/health")
    assert "secret" not in finding.text


def test_a_broken_configuration_of_dvc_is_named() -> None:
    Path(".dvc/config").write_text("no section\n")
    assert find(project.cache).text.startswith(".dvc/config: can't be read")
    with pytest.raises(PipelineError):
        project.cache()
