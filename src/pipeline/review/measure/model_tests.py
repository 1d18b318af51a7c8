"""The project's tests of the model, tests/project/model/: run in a process of their own; their outcome is a file."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Annotated, Literal

import click
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pipeline.core import files
from pipeline.core.errors import PipelineError, first_problem
from pipeline.core.git import git
from pipeline.models.model_text import MODEL, SIGNATURE
from pipeline.review.measure import printed

TESTS = Path("tests/project/model")
FILE = "model_tests.json"  # of the measurement
TIMEOUT = 600  # seconds for all of them
MAX_FAILURES = 100  # failed tests that are named
LENGTH = 300  # characters of a name or a message
NONE_FOUND = 5  # pytest's exit status where it finds no test


def _line(text: str) -> str:
    """Text of another program as one line that may be shown."""
    clean = printed.clean(" ".join(text.split()))
    return clean if len(clean) <= LENGTH else f"{clean[: LENGTH - 1]}…"


Line = Annotated[str, AfterValidator(_line)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class Shape(BaseModel):
    """What a later version adds to the file is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class FailedTest(Shape):
    name: Line
    message: Line  # the first line of its error


class ModelTests(Shape):
    """How the tests went. `broken`: pytest could not run them, for the reason given; `timeout`: they did not end."""

    format: Literal[1] = 1
    state: Literal["ended", "broken", "timeout"]
    subject: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]  # SHA-256 of the model and the tests, see `subject`
    seconds: Annotated[float, Field(ge=0, le=1_000_000)]
    passed: Count = 0
    skipped: Count = 0
    failed: Count = 0
    failures: list[FailedTest] = Field(default=[], max_length=MAX_FAILURES)  # the first of those that failed
    reason: Line = ""


def parse(text: str) -> ModelTests:
    """The content of a measurement's `FILE`, which is untrusted; PipelineError where it has another shape."""
    try:
        return ModelTests.model_validate_json(text)
    except ValidationError as error:
        raise PipelineError(f"{FILE}: {first_problem(error, 'content')}; run the measurement again") from None


def changed_since(commit: str | None) -> bool:
    """Whether tests/project/model/ of the work tree differs from that commit's; True without a commit."""
    if commit is None:
        return True
    differing = git(Path(), "diff", "--name-only", commit, "--", str(TESTS)).stdout
    new = git(Path(), "ls-files", "--others", "--exclude-standard", "--", str(TESTS)).stdout
    return bool(differing or new)


def subject(root: Path = Path()) -> str:
    """SHA-256 of what is tested and by what: the model in models/ and the files of tests/project/model/."""
    paths = [root / "models" / MODEL, root / "models" / SIGNATURE, *sorted((root / TESTS).rglob("*.py"))]
    content = [f"{path.relative_to(root)} {files.md5(path)}" for path in paths if path.is_file()]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()


def run(root: Path = Path(), timeout: float = TIMEOUT) -> ModelTests | None:
    """Run the tests in `root`, with their output shown; None where the project has none. A failure is an outcome."""
    if not any((root / TESTS).rglob("test_*.py")):
        return None
    click.echo(f"measure: running the tests of the model, {TESTS}")
    digest, start = subject(root), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "junit.xml")
        status = _pytest(root, report, timeout)
        seconds = round(time.monotonic() - start, 3)
        if status is None:
            return ModelTests(state="timeout", subject=digest, seconds=seconds)
        if status == NONE_FOUND:
            return None
        return _outcome(status, report, digest, seconds)


def _pytest(root: Path, report: Path, timeout: float) -> int | None:
    """pytest's exit status; None after a timeout. No process that it started outlives it."""
    options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}", str(TESTS)]
    process = subprocess.Popen([sys.executable, "-m", "pytest", *options], cwd=root, start_new_session=True)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _outcome(status: int, report: Path, digest: str, seconds: float) -> ModelTests:
    try:
        cases = list(ET.parse(report).iter("testcase"))  # noqa: S314  # a report that pytest wrote here
    except (OSError, ET.ParseError):
        return _broken(f"pytest left no report (status {status}); its output says why", digest, seconds)
    failures = [failure for case in cases if (failure := _failure(case))]
    if bool(failures) != (status != 0):
        return _broken(f"pytest ended with status {status}; its output says why", digest, seconds)
    skipped = sum(case.find("skipped") is not None for case in cases)
    return ModelTests(
        state="ended",
        subject=digest,
        seconds=seconds,
        passed=len(cases) - skipped - len(failures),
        skipped=skipped,
        failed=len(failures),
        failures=failures[:MAX_FAILURES],
    )


def _broken(reason: str, digest: str, seconds: float) -> ModelTests:
    return ModelTests(state="broken", subject=digest, seconds=seconds, reason=reason)


def _failure(case: ET.Element) -> FailedTest | None:
    """The test where it failed, in its body or around it: `test_behaviour::test_name[case]` and its error's line."""
    problem = next((element for kind in ("failure", "error") if (element := case.find(kind)) is not None), None)
    if problem is None:
        return None
    module = case.get("classname", "").removeprefix(f"{'.'.join(TESTS.parts)}.")
    errors = [line[1:].strip() for line in (problem.text or "").splitlines() if line.startswith("E ")]
    message = next(iter(errors), problem.get("message", ""))
    name = "::".join(filter(None, [module, case.get("name", "")]))
    return FailedTest(name=name, message=message)
