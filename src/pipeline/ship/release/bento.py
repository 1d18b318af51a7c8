"""Builds the Bento of a release from exactly the files that its id is made of, staged in a folder of their own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core import files, params, pipelines
from pipeline.core.errors import PipelineError, last_line
from pipeline.data.contract import schema
from pipeline.features.package import STATE
from pipeline.models import feature_code, signature
from pipeline.models.model_text import MODEL, SIGNATURE
from pipeline.ship.release.identity import modules
from pipeline.ship.service.release import FILE

BENTOFILE, REQUIREMENTS = Path("bentofile.yaml"), Path("build/serving.txt")


def requirements(root: Path) -> str:
    """The locked packages of the group `serving`, with hashes; without scipy, which LightGBM's C API does not need."""
    top = pipelines.top(root)
    group = ["--no-default-groups", "--group", "serving", "--no-emit-project", "--no-emit-package", "scipy"]
    try:
        result = subprocess.run(
            [_uv(top), "export", "--quiet", "--locked", "--no-header", "--no-annotate", *group],
            cwd=top,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except OSError:
        raise PipelineError("uv is not installed; `make setup` installs it into .tools") from None
    if result.returncode != 0:
        raise PipelineError(f"uv.lock: can't be exported ({last_line(result.stderr)}); run `uv lock` and commit it")
    return result.stdout


@contextmanager
def build(root: Path, release: str, lineage: dict[str, Any], locked: str) -> Iterator[Path]:
    """Build the Bento of a release and yield its folder; `lineage` is what its endpoint /release answers.

    The folder is a temporary one: BentoML reads no file below a hidden folder, which a clone may lie in.
    """
    with tempfile.TemporaryDirectory() as temporary:
        staged = Path(temporary) / "content"
        _stage(root, staged, lineage, locked)
        yield _build(root, release, staged, Path(temporary) / "bentoml")


def _build(root: Path, release: str, staged: Path, home: Path) -> Path:
    program = Path(sys.executable).with_name("bentoml")
    command = [str(program), "build", "--bentofile", str(BENTOFILE), "--version", release, "--output", "tag"]
    uv = Path(_uv(pipelines.top(root))).parent  # BentoML would install it with pip, which the environment lacks
    environment = os.environ | {
        "PATH": f"{uv}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONPATH": str(staged / "src"),
    }
    result = subprocess.run(
        command, cwd=staged, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    if result.returncode != 0:
        raise PipelineError(f"bentoml build: {last_line(result.stderr or result.stdout)}")
    return next(path for path in (home / "bentos").glob(f"*/{release}") if path.is_dir())


def _stage(root: Path, staged: Path, lineage: dict[str, Any], locked: str) -> None:
    top = pipelines.top(root)
    engine = [BENTOFILE, *(Path("src") / path for path in modules(top / "src"))]
    own = [*(Path("models") / name for name in (MODEL, SIGNATURE)), *feature_files(root), schema.PATH, params.PATH]
    for folder, paths in ((top, engine), (root, own)):
        for path in paths:
            if not (folder / path).is_file():
                raise PipelineError(f"{path}: no such file; run from the top of the repository")
            (staged / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / path, staged / path)
    files.write_text(staged / REQUIREMENTS, locked)
    files.write_json(staged / FILE, lineage)


def feature_files(root: Path) -> list[Path]:
    """The files of the feature code, with its state, that the model needs; the folds' states are not among them."""
    code = feature_code.of_model(root / "models", signature.read(root / "models" / SIGNATURE))
    return [feature_code.COPY / name for name in (*code.package.files, STATE)] if code else []


def _uv(root: Path) -> str:
    return shutil.which("uv") or str((root / ".tools/bin/uv").absolute())
