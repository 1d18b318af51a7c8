"""What the new version makes of the project's files: `uv.lock`, and whether its engine takes `params.yaml`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from pipeline.core.errors import last_line
from pipeline.upgrade.merging import LOCK

TIMEOUT = 300  # seconds
READ = """
import sys
from pipeline.core import params
from pipeline.core.errors import PipelineError
try:
    params.read()
except PipelineError as error:
    sys.exit(str(error))
"""


def resolve(theirs: str) -> str | None:
    """Resolve `uv.lock` anew, from the template's and the project's dependencies; why that failed, or None."""
    Path(LOCK).write_text(theirs, encoding="utf-8")
    uv = shutil.which("uv") or next((str(path) for path in _uv_of_tools() if path.is_file()), None)
    if uv is None:
        return "uv is neither on the PATH nor in .tools"
    try:
        done = subprocess.run(
            [uv, "lock", "--quiet"], capture_output=True, encoding="utf-8", timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return f"uv did not end within {TIMEOUT} s"
    return last_line(done.stderr) if done.returncode else None


def parameter_problems() -> list[str]:
    """What the merged engine says of `params.yaml`; nothing where it takes it."""
    environment = os.environ | {"PYTHONPATH": str(Path("src").resolve()), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )
    lines = done.stderr.strip().splitlines() if done.returncode else []
    return [lines[-1]] if any(line.startswith("Traceback") for line in lines) else lines


def _uv_of_tools() -> list[Path]:
    return [Path(".tools/bin/uv").resolve(), Path(sys.prefix).parent / ".tools/bin/uv"]
