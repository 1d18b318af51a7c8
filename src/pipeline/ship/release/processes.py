"""Runs the other programs that a release needs (docker, syft, cosign); each error is one line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pipeline.core.errors import PipelineError, last_line

INSTALLATION = {
    "docker": "https://docs.docker.com/engine/install",
    "syft": "`make setup` installs it",
    "cosign": "https://docs.sigstore.dev/cosign/system_config/installation",
}


def program(name: str) -> str:
    """The path of a program, in the environment or else on the PATH; PipelineError where there is none."""
    own = Path(sys.executable).with_name(name)
    path = str(own) if own.is_file() else shutil.which(name)
    if not path:
        raise PipelineError(f"{name}: is not installed; {INSTALLATION.get(name, 'install it')}")
    return path


def run_program(name: str, *arguments: str, failure: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a program and return what it printed; PipelineError with `failure` and its last line where it fails."""
    try:
        result = subprocess.run(
            [program(name), *arguments],
            env={**os.environ, **(environment or {})},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:  # arguments that are too long, no memory for a process
        raise PipelineError(f"{failure}: {error.strerror}") from None
    if result.returncode != 0:
        raise PipelineError(f"{failure}: {' '.join(last_line(result.stderr or result.stdout).split())[:500]}")
    return result.stdout
