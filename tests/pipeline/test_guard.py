"""The engine's tests can't read the project's files."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import SLOW_FIRST
from tests.pipeline import conftest, guard
from tests.pipeline.conftest import FROZEN, ROOT


@pytest.mark.parametrize("name", ["params.yaml", "README.md", "data/schema.yaml", "src/project/features.py"])
def test_a_file_of_the_project_is_refused_to_a_test_of_the_engine(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AssertionError, match=f"{name}, which is the project's"):
        (ROOT / name).read_bytes()
    with pytest.raises(AssertionError, match="which is the project's"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(ROOT)
    with pytest.raises(AssertionError, match="which is the project's"):
        Path(name).read_text()


def test_the_engines_files_and_the_frozen_project_may_be_read() -> None:
    for path in (ROOT / "dvc.yaml", ROOT / "src/pipeline/cli.py", FROZEN / "params.yaml", FROZEN / "data/schema.yaml"):
        assert path.read_bytes()


def test_names_that_only_begin_like_the_projects_belong_to_the_engine() -> None:
    assert not guard.owner_is_project(str(ROOT / "dvc.lock.new"))
    assert not guard.owner_is_project(str(ROOT / "src/projects/x.py"))
    assert not guard.owner_is_project(str(ROOT.parent / "data/table.parquet"))
    assert guard.owner_is_project(str(ROOT / "src/project/features.py"))
    assert not guard.owner_is_project(str(ROOT / guard.LOCKED))


def test_the_conftest_that_pytest_uses_is_the_one_that_tests_import(pytestconfig: pytest.Config) -> None:
    """Otherwise the state of its fixtures would exist twice."""
    assert conftest in pytestconfig.pluginmanager.get_plugins()


@pytest.mark.parametrize("program", ["docker", "chromium"])
def test_a_quick_test_may_use_no_container_and_no_browser(program: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=f"{program}: only tests with the marker `engine`"):
        conftest.require(program)


@pytest.mark.engine
def test_a_test_with_the_marker_may_use_a_container() -> None:
    guard.slow("docker")


def test_the_files_that_start_first_exist_and_have_slow_tests() -> None:
    for name in SLOW_FIRST:
        text = (ROOT / "tests/pipeline" / name).read_text(encoding="utf-8")
        assert "pytest.mark.engine" in text, name
