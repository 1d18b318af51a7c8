"""The script that builds LightGBM for CUDA, up to the compiler: that takes an hour."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.pipeline.conftest import ROOT

SCRIPT = ROOT / ".github/runner/lightgbm-cuda.sh"
# Stands for Python: prints what pip should do.
PYTHON = '#!/bin/sh\necho "$SKBUILD_CMAKE_DEFINE"\necho "$@"\n'


def build(programs: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    (programs / "dirname").symlink_to(str(shutil.which("dirname")))
    command = ["/bin/bash", str(SCRIPT), *arguments]
    environment = os.environ | {"PATH": str(programs)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def program(folder: Path, name: str, text: str = "#!/bin/sh\n") -> None:
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(0o755)


def test_the_locked_source_is_built_with_cuda_and_the_definitions_that_are_named(tmp_path: Path) -> None:
    program(tmp_path, "nvcc")
    program(tmp_path, "python3", PYTHON)

    built = build(tmp_path, "wheels", "CMAKE_CUDA_ARCHITECTURES=90-real", "BUILD_WITH_SHARED_NCCL=ON")

    definitions, pip = built.stdout.splitlines()
    assert definitions == "USE_CUDA=ON;CMAKE_CUDA_ARCHITECTURES=90-real;BUILD_WITH_SHARED_NCCL=ON"
    assert pip.startswith("-m pip wheel ")
    assert "--no-binary lightgbm" in pip
    assert pip.endswith(f"--wheel-dir wheels --requirement {SCRIPT.with_name('lightgbm-cuda.txt')}")


def test_without_nvcc_it_says_what_to_install(tmp_path: Path) -> None:
    built = build(tmp_path, "wheels")
    assert (built.returncode, built.stdout) == (2, "")
    assert built.stderr == "error: nvcc is not on the PATH; install NVIDIA's CUDA toolkit\n"
