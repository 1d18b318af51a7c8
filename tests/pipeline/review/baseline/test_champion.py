"""The champion in real git repositories: where it is found, and the reason where it is not."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.core.errors import PipelineError
from pipeline.review.baseline import champion
from pipeline.review.baseline.rebuild import rebuild

MODEL, SIGNATURE = b"tree\n", b"{}\n"


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


def dvc(root: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=root, check=True, capture_output=True)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def lock(model: bytes = MODEL, signature: bytes = SIGNATURE) -> str:
    outputs = zip(champion.REQUIRED, (model, signature), strict=True)
    lines = "".join(f"    - path: {path}\n      hash: md5\n      md5: {md5(content)}\n" for path, content in outputs)
    return f"schema: '2.0'\nstages:\n  train:\n    cmd: train\n    outs:\n{lines}"


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())


def repository(root: Path, files: dict[str, str | bytes]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q", "-b", "main")
    write(root, {".gitignore": "/models/\n/.dvc/cache/\n/.dvc/tmp/\n/.dvc/config.local\n/.pipeline/\n", **files})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "main")
    return root


def fill_cache(cache: Path, *contents: bytes) -> None:
    write(cache, {f"files/md5/{md5(content)[:2]}/{md5(content)[2:]}": content for content in contents})


def test_a_folder_that_is_no_git_repository_has_no_champion_yet(tmp_path: Path) -> None:
    result = champion.find(root=tmp_path)
    assert (result.state, result.folder) == ("none", None)
    assert "not a git repository" in result.reason


def test_a_machine_without_git_has_no_champion_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git is not installed" in champion.find(root=tmp_path).reason


def test_a_repository_without_a_commit_has_no_champion_yet(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    result = champion.find(root=tmp_path)
    assert result.state == "none"
    assert "no branch main" in result.reason


def test_a_base_without_a_lock_has_no_champion_yet(tmp_path: Path) -> None:
    result = champion.find(root=repository(tmp_path, {"README.md": "x"}))
    assert (result.state, result.reason) == ("none", "main has no dvc.lock yet")


def test_a_lock_without_a_model_has_no_champion_yet(tmp_path: Path) -> None:
    result = champion.find(root=repository(tmp_path, {"dvc.lock": "schema: '2.0'\nstages: {}\n"}))
    assert (result.state, result.reason) == ("none", "main: its dvc.lock names no trained model yet")


@pytest.mark.parametrize("lacking", champion.REQUIRED)
def test_a_lock_that_lacks_one_file_of_the_model_has_a_champion_that_is_missing(tmp_path: Path, lacking: str) -> None:
    """If it counted as none, the gate would pass on floors alone."""
    result = champion.find(root=repository(tmp_path, {"dvc.lock": lock().replace(lacking, "models/elsewhere")}))
    assert (result.state, result.hashes) == ("missing", None)
    assert result.reason == f"main: its dvc.lock lacks {lacking} of its model; `make run` there, and commit it"


def test_a_lock_with_a_stage_train_and_no_model_has_a_champion_that_is_missing(tmp_path: Path) -> None:
    result = champion.find(root=repository(tmp_path, {"dvc.lock": "stages:\n  train:\n    cmd: train\n"}))
    assert result.state == "missing"
    assert "lacks models/model.txt, models/signature.json" in result.reason


def test_the_measured_model_of_a_champion_is_copied_where_its_lock_names_it(tmp_path: Path) -> None:
    """A champion from before the stage `refit` has none: the model that ships was measured."""
    contents = {path: path.encode() for path in champion.OPTIONAL}
    measured = "".join(f"    - path: {path}\n      md5: {md5(content)}\n" for path, content in contents.items())
    for name, text in (("without", lock()), ("with", lock() + measured)):
        root = repository(tmp_path / name, {"dvc.lock": text})
        fill_cache(root / ".dvc/cache", MODEL, SIGNATURE, *contents.values())
        result = champion.find(root=root)
        assert result.folder == root / ".pipeline/champion" / md5(MODEL)
        assert (result.folder / "model.txt").read_bytes() == MODEL
        assert result.measured == (result.folder / "measured" if name == "with" else result.folder)
        assert result.model == md5(MODEL)
    assert result.measured is not None
    assert (result.measured / "model.txt").read_bytes() == contents[champion.MEASURED_MODEL]


@pytest.mark.parametrize(
    "broken", ["stages: [", "stages: 3", "- a", "stages:\n  train:\n    outs: [{path: models/model.txt}]"]
)
def test_a_broken_lock_is_reported_and_differs_from_having_no_champion(tmp_path: Path, broken: str) -> None:
    result = champion.find(root=repository(tmp_path, {"dvc.lock": broken}))
    assert result.state == "missing"
    assert "can't be read" in result.reason


def test_an_unknown_base_is_an_error_because_a_typo_must_not_switch_the_gate_off(tmp_path: Path) -> None:
    root = repository(tmp_path, {"dvc.lock": lock()})
    with pytest.raises(PipelineError, match="relase-1: git knows no such revision"):
        champion.find("relase-1", root)


def test_the_model_of_the_lock_comes_from_the_cache(tmp_path: Path) -> None:
    root = repository(tmp_path, {"dvc.lock": lock(), "models/model.txt": b"mine", "models/signature.json": b"mine"})
    fill_cache(root / ".dvc/cache", MODEL, SIGNATURE)
    result = champion.find(root=root)
    assert (result.state, result.base, result.same) == ("found", "main", False)
    assert result.folder == root / ".pipeline/champion" / md5(MODEL)
    assert (result.folder / "model.txt").read_bytes() == MODEL
    assert (result.folder / "signature.json").read_bytes() == SIGNATURE


@pytest.mark.parametrize("name", ["config", "config.local"])
def test_a_cache_that_is_set_elsewhere_is_used(tmp_path: Path, name: str) -> None:
    root = repository(tmp_path / "clone", {"dvc.lock": lock(), f".dvc/{name}": "[cache]\n    dir = ../../elsewhere\n"})
    fill_cache(tmp_path / "elsewhere", MODEL, SIGNATURE)
    assert champion.find(root=root).state == "found"


def test_a_damaged_file_in_the_cache_is_not_used(tmp_path: Path) -> None:
    root = repository(tmp_path, {"dvc.lock": lock()})
    fill_cache(root / ".dvc/cache", MODEL, SIGNATURE)
    (root / ".dvc/cache/files/md5" / md5(MODEL)[:2] / md5(MODEL)[2:]).write_bytes(b"cut")
    assert champion.find(root=root).state == "missing"


def test_the_same_model_in_the_work_tree_is_the_champion(tmp_path: Path) -> None:
    root = repository(tmp_path, {"dvc.lock": lock()})
    write(root, {"models/model.txt": MODEL, "models/signature.json": SIGNATURE})
    result = champion.find(root=root)
    assert (result.state, result.same, result.folder) == ("found", True, root / "models")


def test_the_same_trees_with_another_signature_are_another_model(tmp_path: Path) -> None:
    root = repository(tmp_path, {"dvc.lock": lock()})
    write(root, {"models/model.txt": MODEL, "models/signature.json": b"other threshold"})
    fill_cache(root / ".dvc/cache", MODEL, SIGNATURE)
    assert not champion.find(root=root).same


def test_origin_main_overrides_the_local_main(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", {"dvc.lock": lock()})
    git(tmp_path, "clone", "-q", str(origin), "clone")
    root = tmp_path / "clone"
    write(root, {"dvc.lock": lock(b"newer")})
    git(root, "commit", "-qam", "local")
    result = champion.find(root=root)
    assert (result.base, result.hashes) == (
        "origin/main",
        dict(zip(champion.REQUIRED, (md5(MODEL), md5(SIGNATURE)), strict=True)),
    )


def test_the_remotes_default_branch_is_the_base_whatever_its_name(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", {"dvc.lock": lock()})
    git(origin, "branch", "-m", "trunk")
    git(tmp_path, "clone", "-q", str(origin), "clone")
    git(tmp_path / "clone", "switch", "-qc", "feature")
    git(origin, "branch", "main")  # has no meaning there
    git(tmp_path / "clone", "fetch", "-q")
    assert champion.find(root=tmp_path / "clone").base == "origin/trunk"


def test_a_clone_that_lacks_main_says_how_to_get_it(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", {"dvc.lock": lock()})
    git(origin, "branch", "feature")
    git(tmp_path, "clone", "-q", "--depth", "1", "--branch", "feature", origin.as_uri(), "clone")
    result = champion.find(root=tmp_path / "clone")
    assert result.state == "missing"
    assert "git remote set-head origin --auto" in result.reason


def test_a_shallow_clone_of_main_has_its_champion(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", {"dvc.lock": lock()})
    git(tmp_path, "clone", "-q", "--depth", "1", origin.as_uri(), "clone")
    fill_cache(tmp_path / "clone/.dvc/cache", MODEL, SIGNATURE)
    assert champion.find(root=tmp_path / "clone").state == "found"


def test_a_project_in_a_folder_of_its_repository_reads_its_own_lock(tmp_path: Path) -> None:
    root = repository(tmp_path, {"dvc.lock": lock(b"other"), "sub/dvc.lock": lock()})
    assert champion.find(root=root / "sub").hashes == dict(
        zip(champion.REQUIRED, (md5(MODEL), md5(SIGNATURE)), strict=True)
    )


STAGE = """
stages:
  train:
    cmd: mkdir -p models && cat seed > models/model.txt && cp seed models/signature.json
    deps: [seed]
    outs: [models/model.txt, models/signature.json]
"""


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = repository(tmp_path_factory.mktemp("reproduced"), {"seed": "1\n", "dvc.yaml": STAGE})
    dvc(root, "init", "-q")
    dvc(root, "repro", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "measured")
    write(root, {"models/model.txt": b"mine"})
    return root


@pytest.fixture
def reproduced(made_once: Path, tmp_path: Path) -> Path:
    """A repository whose main was reproduced by DVC, and whose branch has a model of its own."""
    return Path(shutil.copytree(made_once, tmp_path / "clone"))


def clear_cache(root: Path) -> None:
    subprocess.run(["rm", "-rf", str(root / ".dvc/cache"), str(root / ".dvc/tmp")], check=True)


@pytest.mark.engine
def test_a_model_that_left_the_cache_comes_from_the_dvc_remote(reproduced: Path, tmp_path: Path) -> None:
    dvc(reproduced, "remote", "add", "-q", "-d", "--local", "store", str(tmp_path / "store"))
    dvc(reproduced, "push", "-q")
    clear_cache(reproduced)
    result = champion.find(root=reproduced)
    assert result.state == "found"
    assert result.folder is not None
    assert (result.folder / "model.txt").read_bytes() == b"1\n"


@pytest.mark.engine
def test_an_unavailable_model_is_missing_and_can_be_rebuilt_from_its_revision(reproduced: Path) -> None:
    clear_cache(reproduced)
    result = champion.find(root=reproduced)
    assert (result.state, result.folder) == ("missing", None)
    assert "`pipeline gate --rebuild`" in result.reason
    write(reproduced, {"seed": "a change of the branch"})
    built = rebuild(result, reproduced)
    assert (built.state, built.reason, built.hashes) == ("found", "", result.hashes)
    assert (reproduced / "models/model.txt").read_bytes() == b"mine"
    assert champion.find(root=reproduced).state == "found"


@pytest.mark.engine
def test_a_damaged_file_of_the_cache_is_no_champion_and_is_made_again(reproduced: Path) -> None:
    hashes = champion.find(root=reproduced).hashes
    assert hashes is not None
    cached = champion.cached_file(reproduced, hashes["models/model.txt"])
    assert cached is not None
    shutil.rmtree(reproduced / champion.FOLDER)
    cached.chmod(0o644)
    cached.write_bytes(b"damaged")
    cached.chmod(0o444)  # as DVC leaves it, and does not read it again
    result = champion.find(root=reproduced)
    assert result.state == "missing"
    cached.write_bytes(b"damaged")
    cached.chmod(0o444)
    built = rebuild(result, reproduced)
    assert (built.state, built.reason, built.hashes) == ("found", "", result.hashes)


@pytest.mark.engine
def test_a_rebuilt_model_with_other_bytes_is_reported(reproduced: Path) -> None:
    write(reproduced, {"models/model.txt": MODEL, "dvc.lock": lock(b"from a GPU")})
    git(reproduced, "commit", "-qam", "another lock")
    clear_cache(reproduced)
    assert "not the bytes" in rebuild(champion.find(root=reproduced), reproduced).reason


@pytest.mark.engine
def test_a_model_is_rebuilt_on_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_DEVICE", "gpu")
    stage = STAGE.replace("cat seed >", "printenv PIPELINE_DEVICE >")
    root = repository(tmp_path, {"seed": "1\n", "dvc.yaml": stage, "dvc.lock": lock()})
    dvc(root, "init", "-q")
    built = rebuild(champion.find(root=root), root)
    assert built.folder is not None
    assert (built.folder / "model.txt").read_text() == "cpu\n"


def test_a_base_that_can_not_run_again_is_a_one_line_error(tmp_path: Path) -> None:
    root = repository(tmp_path, {"dvc.lock": lock()})
    with pytest.raises(PipelineError, match="main: its pipeline can't be run again"):
        rebuild(champion.find(root=root), root)
    worktrees = subprocess.run(["git", "worktree", "list"], cwd=root, check=True, capture_output=True, text=True)
    assert len(worktrees.stdout.splitlines()) == 1
