"""A folder is named and copied as DVC does it."""

import shutil
from pathlib import Path

import pytest

from pipeline.core import files
from pipeline.review.baseline import dvc_outputs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    for name in ("b.py", "a.json", "inner/c.py", "__pycache__/b.pyc"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    return made


def test_the_hash_of_a_folder_is_that_of_dvc(folder: Path) -> None:
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.db import HashFileDB
    from dvc_objects.fs.local import LocalFileSystem

    (folder / "__pycache__/b.pyc").unlink()
    (folder / "__pycache__").rmdir()
    system = LocalFileSystem()  # type: ignore[no-untyped-call]
    database = HashFileDB(system, str(folder.parent / "cache"))
    _, _, tree = build(database, str(folder), system, "md5")
    assert dvc_outputs.md5(folder) == tree.hash_info.value
    assert dvc_outputs.is_present(folder, str(tree.hash_info.value))
    (folder / "b.py").write_text("other")
    assert not dvc_outputs.is_present(folder, str(tree.hash_info.value))


def cache_of(folder: Path, cache: Path) -> str:
    """Put a folder's files and their list into a cache; its MD5."""
    import json

    cache.mkdir()
    entries = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"):
        shutil.copyfile(path, cache / files.md5(path))
        entries.append({"md5": files.md5(path), "relpath": path.relative_to(folder).as_posix()})
    md5 = dvc_outputs.md5(folder)
    (cache / md5).write_text(json.dumps(entries))
    return md5


def test_a_folder_is_copied_from_the_cache_and_replaces_the_one_that_is_there(folder: Path, tmp_path: Path) -> None:
    cache, target = tmp_path / "cache", tmp_path / "target"
    md5 = cache_of(folder, cache)
    target.mkdir()
    (target / "former.py").touch()

    def cached(part: str) -> Path | None:
        return cache / part if (cache / part).is_file() else None

    assert dvc_outputs.copy(md5, target, cached)
    assert dvc_outputs.is_present(target, md5)
    assert not (target / "former.py").exists()
    (cache / files.md5(folder / "b.py")).unlink()
    (target / "b.py").write_text("changed")
    assert not dvc_outputs.copy(md5, target, cached)
    assert dvc_outputs.parts(md5, cached) == [files.md5(folder / name) for name in ("a.json", "b.py", "inner/c.py")]


def test_a_list_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "list").write_text('[{"md5": "list", "relpath": "../out"}]')
    assert not dvc_outputs.copy("x.dir", tmp_path / "target", lambda _: tmp_path / "list")
    assert not (tmp_path / "out").exists()
