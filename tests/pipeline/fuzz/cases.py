"""One case by its seed: a command of a trained project in which one file of our own is damaged.

Whatever the damage, a command ends with a documented status, without a traceback, and where it refuses, with a line
that says why.
"""

import contextlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.pipeline.fuzz import damages, sample, stand_ins

LIMIT = 120  # seconds, for one command
MODEL = ("models/*", "data/split/test.parquet", "params.yaml")
SETTINGS = ("params.yaml", "data/schema.yaml", "data/source.json")
REPORTS = ("reports/*.json", "reports/*.parquet", "reports/curves/*.json", "reports/*.md")
LOCK = ("dvc.lock", "dvc.yaml", ".dvc/config", ".dvc/tmp/rwlock", ".template.yaml")
MEASURED = (*SETTINGS, *REPORTS, *LOCK, *MODEL, ".pipeline/*.json", ".pipeline/*/*.json", ".pipeline/champion/*/*")
STAGES = sample.commands()
# Each command, and the files that it may read.
COMMANDS: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "fetch": (["fetch"], (*SETTINGS, "data/table.parquet", "store/**/*.parquet")),
    "schema": (["schema", "--update"], (*SETTINGS, "data/table.parquet")),
    "schema anew": (["schema", "--force"], (*SETTINGS, "data/table.parquet")),
    "gate": (["gate"], MEASURED),
    "measure": (["measure"], MEASURED),
    "report": (["report"], MEASURED),
    "serve": (["serve", "--port", "29999"], (*MODEL, "build/release.json", "reports/metrics.json", "dvc.lock")),
    "simulate": (["simulate", "--url", "http://127.0.0.1:9"], (*MODEL, "reports/importance.json", *SETTINGS)),
    "release": (["release", "--champion", "HEAD"], (*MEASURED, "build/*", "uv.lock", "pyproject.toml")),
    "deploy": (["deploy", "--unsigned"], ("build/release.json", "params.yaml")),
    "history": (["history"], ("build/ledger.jsonl", "params.yaml")),
    "restore": (["restore"], (*LOCK, *MODEL, "params.yaml")),
    "monitor": (["monitor"], (*MODEL, "logs/**/*.*", "data/split/*", "reports/*", *SETTINGS, ".pipeline/**/*.json")),
    "retrain": (["retrain"], ("logs/**/*.*", "store/**/*.parquet", *SETTINGS)),
    "watch": (["watch"], ("reports/monitor/*", "params.yaml")),
    "track": (["track"], (*SETTINGS, *REPORTS, *MODEL, "dvc.lock", ".pipeline/*.json", ".pipeline/untracked/**/*.*")),
    "tune": (["tune", "--trials", "1"], (".pipeline/tune.db", "data/split/*", "params.yaml")),
    "seeds": (["seeds"], ("data/split/*", "params.yaml", "reports/seeds.json", "dvc.lock")),
    "verify-lock": (["verify-lock"], (*LOCK, *SETTINGS, *MODEL)),
    "run": (["run"], (*MEASURED, "data/split/*", "data/raw/*")),
    "ingest": (STAGES["ingest"], (*SETTINGS, "data/table.parquet", "store/**/*.parquet")),
    "validate": (STAGES["validate"], (*SETTINGS, "data/raw/*")),
    "split": (STAGES["split"], (*SETTINGS, "data/raw/*")),
    "train": (STAGES["train"], ("params.yaml", "data/split/*")),
    "evaluate": (STAGES["evaluate"], MODEL),
    "drift": (STAGES["drift"], ("data/split/*", "models/signature.json", "params.yaml")),
    "card": (STAGES["card"], (*SETTINGS, *REPORTS, "models/*")),
}
SLOW = {"run": 0.1, "tune": 0.5, "measure": 0.5, "report": 0.5, "drift": 0.5}  # how often, of other commands' 1
KEPT = "the run is kept: `pipeline track` logs it later"  # says why, without being an error: no server is there
MAY_SAY_NO = {"gate", "measure", "monitor", "release"}  # by exit status 1 (docs/reference/exit-statuses.md)


@dataclass(frozen=True)
class Result:
    """What a command did, and what is wrong with that; `problem` is empty where nothing is."""

    seed: int
    command: str
    file: str
    damage: str
    status: int
    printed: str
    errors: tuple[str, ...]

    @property
    def problem(self) -> str:
        allowed = {0, 2, *([1] if self.command in MAY_SAY_NO else [])}
        if self.status not in allowed:
            return f"status {self.status}"
        if "Traceback" in self.printed:
            return "a traceback"
        if self.status == 2 and not self.errors:
            return "status 2 without a line that says why"
        if any(len(line) > 1500 or len(line) < 20 for line in self.errors):
            return "an error that is no readable line"
        return ""

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.command}, {self.file}: {self.damage}: status {self.status}"


def run(seed: int, project: Path, folder: Path) -> Result:
    """Run the case of this seed in a copy of `project` at `folder`, in a process of its own."""
    draw = random.Random(seed)  # noqa: S311  # the same cases each time
    command = draw.choices(list(COMMANDS), [SLOW.get(name, 1.0) for name in COMMANDS])[0]
    patterns = COMMANDS[command][1]
    _copy(project, folder)
    files = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
    path = draw.choice(files)
    with contextlib.chdir(folder):
        done = damages.damage(path, files, draw)
    status, printed = _in_a_process(command, folder)
    shutil.rmtree(folder)
    errors = tuple(line for line in printed.splitlines() if line.startswith("error: ") or KEPT in line)
    return Result(seed, command, str(path.relative_to(folder)), done, status, printed, errors)


def _copy(project: Path, folder: Path) -> None:
    """A copy whose files are hard links where no command writes into them."""
    subprocess.run(["cp", "-al", str(project), str(folder)], check=True)
    for path in (folder / ".pipeline/tune.db", *folder.glob("logs/*/*")):  # a command changes them in place
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)


def _in_a_process(command: str, folder: Path) -> tuple[int, str]:
    """The command's status, or minus the signal that ended it, and what it printed."""
    output = folder.with_suffix(".txt")
    with output.open("w+b") as stream:
        child = os.fork()
        if child == 0:
            status = 99
            try:
                for descriptor in (1, 2):
                    os.dup2(stream.fileno(), descriptor)
                sys.stdout, sys.stderr = (io.TextIOWrapper(os.fdopen(n, "wb"), "utf-8", "replace") for n in (1, 2))
                os.setpgid(0, 0)
                status = _command(command, folder)
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(status)
        code = os.waitstatus_to_exitcode(_wait(child))
        stream.seek(0)
        return code, stream.read().decode("utf-8", "replace")


def _wait(child: int) -> int:
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _command(command: str, folder: Path) -> int:
    """Run it in this process, which ends then."""
    from pipeline import cli

    os.chdir(folder)
    os.environ |= sample.ENVIRONMENT
    sys.argv = ["pipeline", *COMMANDS[command][0]]
    stand_ins.install()
    return cli.run()
