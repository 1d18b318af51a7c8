"""Runs a workflow with act, on this machine and offline: remote actions, uv and the checkout are stand-ins."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.pipeline.guard import slow

FOLDER = Path(__file__).parent
PROGRAMS = Path(sys.executable).parent
TIMEOUT = 600  # seconds, for one workflow
THIS_MACHINE, NO_MACHINE = "-self-hosted", ""  # in the notation of act
HOSTED = {"ubuntu-latest": THIS_MACHINE}
# Keys that act 0.2.89 does not know; it has no environments and does not enforce concurrency either.
UNSUPPORTED = ("cache-mode: ", "deployment: ", "queue: ")
OWN = {"self-hosted": THIS_MACHINE, "gpu": THIS_MACHINE, "ubuntu-latest": NO_MACHINE}

# What `make setup` gets instead of uv: an environment that runs the checkout's own code by the tests' interpreter.
UV = f"""#!/bin/sh
test "$1" = sync || exit 1
mkdir -p .venv/bin
cat >.venv/bin/pipeline <<END
#!/bin/sh
env >>"$STANDIN_ENVIRONMENT"
export PYTHONPATH="$PWD/src"
exec "{sys.executable}" "{FOLDER / "hasty.py"}" "\\$@"
END
chmod +x .venv/bin/pipeline
"""


@dataclass(frozen=True)
class WorkflowResult:
    """The result of a workflow: of each job that ran, and what was printed."""

    jobs: Mapping[str, str]
    lines: tuple[str, ...]
    environment: str  # of every `pipeline` command that ran

    @property
    def log(self) -> str:
        return "\n".join(self.lines)


class Machine:
    """The runner of one test: its HOME, the stand-ins' folders, and the environment of every step."""

    def __init__(self, folder: Path, origin: Path, **env: str) -> None:
        self.folder, self.origin = folder, origin
        self.artifacts, self.cache = folder / "artifacts", folder / "cache"
        self.env = env
        for name in ("home", "bin"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        uv = folder / "bin/uv"
        uv.write_text(UV, encoding="utf-8")
        uv.chmod(0o755)

    def act(
        self,
        workflow: str,
        event: str,
        payload: Mapping[str, Any],
        checkout: Path,
        *,
        variables: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        runners: Mapping[str, str] = OWN | HOSTED,
        actor: str = "alice",
    ) -> WorkflowResult:
        """Run a workflow of the clone `checkout` on an event."""
        slow("act")
        (self.folder / "event.json").write_text(json.dumps(payload), encoding="utf-8")
        environment = self.folder / "environment"
        environment.write_text("", encoding="utf-8")
        steps = self.env | {
            "STANDIN_ORIGIN": str(self.origin),
            "STANDIN_ARTIFACTS": str(self.artifacts),
            "STANDIN_CACHE": str(self.cache),
            "STANDIN_ENVIRONMENT": str(environment),
            "OMP_NUM_THREADS": "1",
        }
        command = [
            *(str(PROGRAMS / "act"), event, "-W", str(self._readable(checkout / f".github/workflows/{workflow}.yaml"))),
            *("-e", str(self.folder / "event.json"), "--actor", actor, "--json", "--no-skip-checkout"),
            *("--no-cache-server", "--artifact-server-addr", "127.0.0.1", "--pull=false", "--rm"),
            *_options("--local-repository", _stand_ins(checkout)),
            *_options("-P", runners),
            *_options("--env", steps),
            *_options("--var", variables or {}),
            *_options("-s", secrets or {}),
        ]
        completed = subprocess.run(
            command,
            cwd=checkout,
            env={"HOME": str(self.folder / "home"), "PATH": f"{self.folder / 'bin'}:{PROGRAMS}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        return _read(completed.stdout + completed.stderr, environment.read_text(encoding="utf-8"))

    def _readable(self, workflow: Path) -> Path:
        """A copy of the workflow without the keys that act refuses because it does not know them yet."""
        copy = self.folder / workflow.name
        lines = workflow.read_text(encoding="utf-8").splitlines(keepends=True)
        copy.write_text("".join(line for line in lines if not line.strip().startswith(UNSUPPORTED)), encoding="utf-8")
        return copy


def _options(option: str, values: Mapping[str, str]) -> list[str]:
    return [part for name, value in values.items() for part in (option, f"{name}={value}")]


def _stand_ins(checkout: Path) -> dict[str, str]:
    """A folder for each remote action, at the commit that the workflows pin."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (checkout / ".github").rglob("*.yaml"))
    pins = set(re.findall(r"uses: ([\w-]+/([\w-]+)@[0-9a-f]{40})", text))
    return {pin: str(FOLDER / "actions" / name) for pin, name in pins}


def _read(output: str, environment: str) -> WorkflowResult:
    jobs: dict[str, str] = {}
    lines: list[str] = []
    for line in output.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            lines.append(line)
            continue
        if "jobResult" in entry:
            suffix = entry["matrix"].get("suffix", "")  # of the pipeline that a job of a matrix is for
            jobs[entry["jobID"] + suffix] = entry["jobResult"]
        lines.append(str(entry.get("msg", "")).rstrip("\n"))
    kept = (line for line in lines if not line.startswith("LocalRepositoryCache"))
    return WorkflowResult(jobs, tuple(kept), environment)
