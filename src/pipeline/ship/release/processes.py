"""Other programs that a release needs: docker, syft, cosign. One that is missing or fails is one line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pipeline.core.errors import PipelineError, last_line

HOMES = {
    "docker": "https://docs.docker.com/engine/install",
    "syft": "`make setup` installs it",
    "cosign": "https://docs.sigstore.dev/cosign/system_config/installation",
}


def program(name: str) -> str:
    """The path of a program: the environment's own before the system's; PipelineError where there is none."""
    own = Path(sys.executable).with_name(name)
    found = str(own) if own.is_file() else shutil.which(name)
    if not found:
        raise PipelineError(f"{name}: is not installed; {HOMES.get(name, 'install it')}")
    return found


def succeed(name: str, *arguments: str, why: str, environment: Mapping[str, str] | None = None) -> str:
    """What the program printed; PipelineError with `why` and its last line where it fails."""
    try:
        done = subprocess.run(
            [program(name), *arguments],
            env={**os.environ, **(environment or {})},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:  # arguments that are too long, no memory for a process
        raise PipelineError(f"{why}: {error.strerror}") from None
    if done.returncode != 0:
        raise PipelineError(f"{why}: {' '.join(last_line(done.stderr or done.stdout).split())[:500]}")
    return done.stdout
