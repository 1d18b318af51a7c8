"""Damage that DVC passes over: in its cache, in outputs that it copied from there, and in its own files."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.core import dvc_lock, dvc_repo
from pipeline.core.errors import PipelineError
from pipeline.train.reproduce import reproduce

pytestmark = pytest.mark.engine

STAGES = """stages:
  copy:
    cmd: mkdir -p out/folder && cp source out/file && cp source out/folder/part
    deps: [source]
    outs: [out/file, out/folder]
  read:
    cmd: cat out/file out/folder/part > result
    deps: [out/file, out/folder]
    outs:
      - result:
          cache: false
"""
WHOLE = b"whole\n"
DVC = (sys.executable, "-m", "dvc")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which nothing has run."""
    folder = tmp_path_factory.mktemp("empty")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run([*DVC, "init", "-q"], cwd=folder, check=True)
    return folder


@pytest.fixture(autouse=True)
def repository(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of two small stages that have run."""
    shutil.copytree(empty, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(STAGES, encoding="utf-8")
    Path("source").write_bytes(WHOLE)
    assert ran() == ["copy", "read"]
    return tmp_path


def ran() -> list[str]:
    return reproduce(lambda _: None)


def cached(path: str) -> Path:
    """The file of the cache that the lock names for a file of an output."""
    from dvc.repo import Repo

    repo = Repo()
    (out,) = repo.find_outs_by_path(path, strict=False)
    md5 = out.hash_info.value
    if out.hash_info.isdir and path != "out/folder":
        ((_, _, info),) = list(out.get_obj())
        md5 = info.value
    return Path(repo.cache.local.oid_to_path(md5))


def damage(path: Path, content: bytes = b"other\n") -> None:
    """Change a file, which stays as read-only as it is."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(mode)


@pytest.mark.parametrize("path", ["out/file", "out/folder/part"])
def test_a_damaged_file_of_the_cache_is_never_used(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    damage(cached(path))
    Path(path).unlink()
    assert ran() == ["copy"]
    assert Path(path).read_bytes() == Path("result").read_bytes()[:6] == cached(path).read_bytes() == WHOLE
    assert re.search(
        r"warning: \.dvc/cache/files/md5/\S+: a damaged file of the DVC cache, removed", capfd.readouterr().err
    )


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1}', b"\xff\xfe", b"[]"])
def test_a_damaged_list_of_a_folders_files_is_never_used(content: bytes) -> None:
    damage(cached("out/folder"), content)
    Path("out/folder/part").unlink()
    assert ran() == ["copy"]
    assert Path("out/folder/part").read_bytes() == WHOLE
    assert json.loads(cached("out/folder").read_bytes())[0]["relpath"] == "part"


def test_a_damaged_file_of_an_earlier_run_is_never_used() -> None:
    first = cached("out/file")
    Path("source").write_bytes(b"another\n")
    assert ran() == ["copy", "read"]
    damage(first)
    Path("source").write_bytes(WHOLE)
    assert ran() == ["copy", "read"]
    assert Path("out/file").read_bytes() == WHOLE


@pytest.mark.parametrize("path", ["out/file", "out/folder/part"])
def test_an_output_that_was_copied_from_a_damaged_cache_is_made_anew_with_all_that_read_it(path: str) -> None:
    damage(cached(path))
    Path(path).unlink()
    subprocess.run([*DVC, "repro", "-q", "--force", "--single-item", "read"], check=False)
    subprocess.run([*DVC, "checkout", "-q"], check=True)
    subprocess.run([*DVC, "repro", "-q", "--force", "--single-item", "read"], check=True)
    assert b"other\n" in Path("result").read_bytes()
    (mismatch,) = [line for line in dvc_lock.mismatches() if line.startswith("copy")]
    assert mismatch == f"copy: {path.removesuffix('/part')} is not the one that dvc.lock names"
    assert ran() == ["copy", "read"]
    assert Path("result").read_bytes() == WHOLE + WHOLE
    assert dvc_lock.mismatches() == []


@pytest.mark.parametrize("content", [b"", b"garbage", b"[]", b'{"write": 3}', b"\xff\xfe\0", None])
def test_a_broken_file_of_locks_is_named_with_the_way_out(content: bytes | None) -> None:
    file = dvc_repo.folder() / dvc_repo.READ_WRITE_LOCK
    file.unlink(missing_ok=True)
    file.mkdir() if content is None else file.write_bytes(content)
    with pytest.raises(PipelineError, match=r"^\.dvc/tmp/rwlock: damaged; when no other run is at work"):
        ran()


@pytest.mark.parametrize("name", dvc_repo.YAML_FILES)
def test_yaml_that_dvc_does_not_survive_is_refused(name: str) -> None:
    Path(name).write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(PipelineError, match=f"^{re.escape(name)}: is nested more than"), dvc_repo.opened():
        pass


def test_damaged_settings_of_dvc_are_named() -> None:
    Path(".dvc/config").write_bytes(b"[[")
    with pytest.raises(PipelineError, match=r"^\.dvc/config or \.dvc/config\.local: .*Invalid line"):
        dvc_lock.mismatches()


def test_an_output_folder_that_leads_out_of_the_repository_is_refused_before_any_stage(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    Path("out").rename(elsewhere / "out")
    Path("out").symlink_to(elsewhere / "out")
    Path("source").write_bytes(b"another\n")
    with pytest.raises(PipelineError, match=r"^out: is a link to .*/out, out of the repo.*replace it"):
        ran()
    assert Path("out/file").read_bytes() == WHOLE


def test_an_output_folder_that_is_a_file_or_leads_nowhere_is_refused_before_any_stage() -> None:
    subprocess.run(["rm", "-r", "out"], check=True)
    for make in (lambda: Path("out").write_bytes(b""), lambda: Path("out").symlink_to("nowhere")):
        make()
        with pytest.raises(PipelineError, match=r"^out: is not a folder, but outputs go there; remove it"):
            ran()
        Path("out").unlink()
