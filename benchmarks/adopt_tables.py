"""Many tables from a file to a service: adopt, run, tests, comment, gate, service, its log under the monitor, release.

A row for each table: what a person must say, the costs of each step, and what came of it. Nobody steps in: where a step
fails, its error is the row's last cell. `PIPELINE_BASE_IMAGE` names an image to build the images of two tables on; else
these are left out.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.adopt_cases import Case, available
from benchmarks.loop_project import GIT
from benchmarks.projects import BIN, ROOT
from benchmarks.serving import free_port
from pipeline.core import params
from pipeline.models import signature
from pipeline.ship.release import golden

SIMULATED = 2000  # rows of traffic: five windows
MONITOR = ("pipeline", "monitor", "--labels", "logs/labels.csv", "--window", "400 rows")
BATCH = 200  # test rows of a request
STEPS = ("adopt", "tests", "comment", "next", "service", "monitor", "release", "image")
BASE_IMAGE = "PIPELINE_BASE_IMAGE"


class StepFailedError(Exception):
    """A step of the way that should succeed did not; what it printed."""


@dataclass(frozen=True)
class Cost:
    """Of a command and those it started."""

    wall: float
    cpu: float
    peak_mb: float

    def __str__(self) -> str:
        return f"{self.wall:.0f} / {self.cpu:.0f} s, {self.peak_mb:,.0f} MB"


@dataclass
class Row:
    """What the way of a table cost, what came of it, and its errors."""

    case: Case
    costs: dict[str, Cost] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        given = self.case.options
        yield f"| {self.case.name} | {' '.join(f'--{option} {given[option]}' for option in self.case.answers) or '–'} |"
        yield " | ".join(str(self.costs.get(step, "–")) for step in STEPS)
        yield " | ".join(f"{name}: {outcome}" for name, outcome in self.outcomes.items())
        yield " | ".join(self.errors) or "no error"


def main() -> None:
    """Print each table's rows as they come."""
    for case in available():
        with tempfile.TemporaryDirectory() as name:
            show(way(case, Path(name)))
    print(flush=True)


def show(row: Row) -> None:
    for line in row.lines():
        print(line)
    print(flush=True)


def way(case: Case, folder: Path) -> Row:
    """The whole way of a table in a new fork in `folder`."""
    row, source = Row(case), folder / "source"
    source.mkdir()
    project = Fork(folder / "fork")
    try:
        _walk(row, project, case.write(source))
    except StepFailedError as error:
        row.errors.append(str(error))
    return row


def _walk(row: Row, project: "Fork", table: Path) -> None:
    case = row.case
    given = [part for option, answer in case.options.items() for part in (f"--{option}", answer)]
    adopt = ["pipeline", "adopt", str(table), "--target", case.target, "--yes"]
    row.outcomes["leaks"] = _leaks(row, project, [*adopt, *given])
    _, row.costs["adopt"] = project.run(*adopt, *given)
    project.git("switch", "--quiet", "--create", "own-data")
    project.commit("Our own data")
    if case.features:
        project.add_features(case.features)
    _, row.costs["tests"] = project.run("pytest", "-q", "-p", "no:xdist", "tests/project")
    row.outcomes["metric"] = _primary(project)
    row.outcomes["first gate"] = project.verdict()
    _, row.costs["comment"] = project.run("pipeline", "report", "--base", "main", allowed=(0, 1))
    project.merge()
    row.outcomes["next pull request"], row.costs["next"] = _next_pull_request(project)
    with project.serving() as url:
        start = time.perf_counter()
        row.outcomes["answers equal"] = _answers(project, url)
        _, cost = project.run("pipeline", "simulate", "--url", url, "--rows", str(SIMULATED), "--seed", "1")
        row.costs["service"] = Cost(time.perf_counter() - start, cost.cpu, cost.peak_mb)
    printed, row.costs["monitor"] = project.run(*MONITOR, allowed=(0, 1, 2))
    row.outcomes["monitor"] = printed.strip().splitlines()[-1]
    _, row.costs["release"] = project.run("python", "-c", RELEASE)
    if case.image and os.environ.get(BASE_IMAGE):
        _, row.costs["image"] = project.run("pipeline", "release")


RELEASE = (
    "from pathlib import Path; from pipeline.ship.release import approval, making, production; root = Path(); "
    "content = making.gather(root, 'base'); "
    "before = production.Predecessor('none', '', '', 'nothing serves'); "
    "making.describe(root, content, approval.approve(root, before, None))"
)


class Fork:
    """This repository's files as the template's, in a repository of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = _git_files()
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit("The template")

    def run(self, *command: str, allowed: tuple[int, ...] = (0,)) -> tuple[str, Cost]:
        """What a command prints, and what it costs; StepFailedError where its status is another than those allowed."""
        start = time.perf_counter()
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(command, cwd=self.folder, env=self._environment(), stdout=output, stderr=output)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            printed = output.read()
        if process.returncode not in allowed:
            raise StepFailedError(f"{' '.join(command[:2])}: {_reason(printed)}")
        cost = Cost(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
        return printed, cost

    def _environment(self) -> Mapping[str, str]:
        path = os.pathsep.join([str(BIN), str(ROOT / ".tools/bin"), os.environ["PATH"]])
        source = f"{self.folder / 'src'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        return os.environ | {"PATH": path, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"}

    def git(self, *arguments: str) -> None:
        self.run(*GIT, *arguments)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def merge(self) -> None:
        """This branch becomes main."""
        self.git("branch", "--force", "main", "HEAD")

    def add_features(self, source: str) -> None:
        (self.folder / "src/project/features/own.py").write_text(source, encoding="utf-8")
        self.run("pipeline", "features", "--check")
        self.run("pipeline", "run")
        self.commit("Features of our own")

    def verdict(self) -> str:
        return str(self.json("reports/verdict.json")["verdict"])

    def json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The address of the service while it runs."""
        port = free_port()
        command = ["pipeline", "serve", "--port", str(port)]
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(command, cwd=self.folder, env=self._environment(), stdout=output, stderr=output)
            try:
                url = f"http://127.0.0.1:{port}"
                if not _is_ready(f"{url}/readyz", process):
                    output.seek(0)
                    raise StepFailedError(f"pipeline serve: {_reason(output.read())}")
                yield url
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(60)


def _git_files() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [name for name in listed if name and (ROOT / name).is_file()]


def _reason(printed: str) -> str:
    lines = [line for line in printed.strip().splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    return " / ".join(errors or lines[-2:])[:600]


def _is_ready(url: str, process: "subprocess.Popen[bytes]") -> bool:
    ends = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < ends:
        try:
            if httpx.get(url, timeout=5).is_success:
                return True
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    return False


def _leaks(row: Row, project: Fork, adopt: list[str]) -> str:
    """The leaks that the page names where nothing is excluded; a planted one that it misses is an error."""
    named = _named(project.run(*adopt, "--exclude", "none", "--dry-run")[0])
    planted = set(row.case.leaks)
    row.errors += [f"leak not named: {name}" for name in sorted(planted - named)]
    beside = sorted(named - planted)
    return (", ".join(sorted(named & planted)) or "none") + (f"; also {', '.join(beside)}" if beside else "")


def _named(printed: str) -> set[str]:
    """The columns that the page calls leaks; `order` and `key` for these."""
    found = set[str]()
    for line in printed.splitlines():
        if match := re.match(r"  ! (?:perhaps a )?leak: (.*)", line):
            sentence = match[1]
            special = {"the order of": "order", "the key ": "key"}
            name = next((word for start, word in special.items() if sentence.startswith(start)), None)
            found.add(name or re.split(r" alone predicts| is the target|: whether", sentence)[0])
    return found


def _primary(project: Fork) -> str:
    """The primary metric against its floor."""
    gate = params.read(project.folder / params.PATH).gate
    value = project.json("reports/metrics.json")[gate.primary]["value"]
    return f"{gate.primary} {value:.4g} (floor {gate.floors[gate.primary]:g})"


def _next_pull_request(project: Fork) -> tuple[str, Cost]:
    """The gate's outcome on a pull request that changes the seed alone."""
    path = project.folder / "params.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?m)^(train:\n(?:  .*\n)*?  seed: )\d+", r"\g<1>7", text), encoding="utf-8")
    project.git("switch", "--quiet", "--create", "another-seed")
    _, cost = project.run("pipeline", "run", allowed=(0, 1))
    project.commit("Another seed")
    _, report = project.run("pipeline", "report", "--base", "main", allowed=(0, 1))
    return project.verdict(), Cost(cost.wall + report.wall, cost.cpu + report.cpu, max(cost.peak_mb, report.peak_mb))


def _answers(project: Fork, url: str) -> str:
    """How many answers of the service equal the scores of the test rows that were judged."""
    scored, table = golden.answers(project.folder)
    rows = golden.to_request_rows(signature.read(project.folder / "models/signature.json"), table)
    answers = list[Any]()
    for first in range(0, min(len(rows), 10 * BATCH), BATCH):
        reply = httpx.post(f"{url}/predict", json={"rows": rows[first : first + BATCH]}, timeout=60)
        if not reply.is_success:
            raise StepFailedError(f"{url}/predict: {reply.status_code} {reply.text[:300]}")
        answers += reply.json()["predictions"]
    expected = scored.score[: len(answers)]
    got = np.array(
        [[one["probabilities"][name] for name in scored.classes] for one in answers]
        if scored.task == "multiclass"
        else [one["score"] for one in answers]
    )
    equal = int((got == expected).reshape(len(answers), -1).all(axis=1).sum())
    return f"{equal:,} of {len(answers):,}"


if __name__ == "__main__":
    main()
