"""Training on OpenCL, here on PoCL, which is OpenCL on the CPU: chosen, named, judged, and not promised to the byte."""

import ctypes.util
import shutil
from pathlib import Path

import pytest

from pipeline.review.measure import measurement
from tests.pipeline import shared
from tests.pipeline.conftest import Project, missing
from tests.pipeline.trained import trained

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A pull request that was measured on OpenCL, on a main whose model was trained on the CPU."""
    library = ctypes.util.find_library("pocl")
    if library is None:
        missing("PoCL (Debian: libpocl2) is not installed")
    project = trained(tmp_path_factory.mktemp("opencl"), "binary")
    drivers = tmp_path_factory.mktemp("drivers")
    (drivers / "pocl.icd").write_text(f"{library}\n", encoding="utf-8")
    project.ok("git", "switch", "-qc", "change")
    project.configure(train={"num_leaves": 7})
    project.commit("fewer leaves")
    kernels = str(shared.CACHE / "opencl-kernels")  # compiled once: that takes longer than the training
    printed = project.ok("pipeline", "measure", "--run", OCL_ICD_VENDORS=str(drivers), POCL_CACHE_DIR=kernels)
    assert "train: on the GPU (gpu): OpenCL works" in printed
    project.commit("measured")
    return project


def test_measurement_and_comment_name_the_device(project: Project) -> None:
    environment = measurement.read(project.folder / measurement.FOLDER).measurement.environment
    assert (environment["device"], environment["device reason"]) == ("gpu", "OpenCL works")
    project.ok("pipeline", "report")
    assert " on gpu, " in project.read("reports/pull_request.md")


def test_the_gate_compares_it_with_the_champion_of_a_cpu(project: Project) -> None:
    printed = project.ok("pipeline", "gate")
    assert "gate: pass" in printed
    assert "main, scored again on the same" in printed


def test_what_can_not_be_rebuilt_is_said_before_and_after_its_files_are_gone(project: Project, tmp_path: Path) -> None:
    shutil.copytree(project.folder, tmp_path / "copy", symlinks=True)
    copy = Project(tmp_path / "copy")
    assert "the model was trained on a GPU: no other machine can make its bytes again" in copy.ok(
        "pipeline", "verify-lock"
    )
    for name in ("models", ".dvc/cache", ".pipeline"):
        shutil.rmtree(copy.folder / name)
    restored = copy.run("pipeline", "restore")
    assert restored.returncode == 2
    assert "training again on the CPU gave other bytes than it names for models/model.txt" in restored.stderr
    assert "set DVC_REMOTE_URL" in restored.stderr
