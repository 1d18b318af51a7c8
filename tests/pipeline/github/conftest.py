"""A pull request that train.yaml has measured, on the stand-in GitHub, and main's checkout."""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.core.git import git
from pipeline.github.client import api
from pipeline.github.pull_request import overrides
from pipeline.review.gate import measurement_verdict as pull_request_gate
from pipeline.review.gate import protected
from pipeline.review.gate.override import LABEL, Override
from pipeline.review.gate.verdict import Rule, Verdict, worst
from tests.pipeline.conftest import FROZEN, ROOT
from tests.pipeline.github.overriding import labeled, override_run
from tests.pipeline.github.standin import StandIn
from tests.pipeline.guard import slow

REPOSITORY = "octo/credit"
NUMBER, RUN, OVERRIDE_RUN = 7, 50, 60
AT = "2026-01-02T10:30:00Z"
LOCK = """schema: '2.0'
stages:
  train:
    cmd: train
    deps:
    - path: src/project/train.py
    - path: src/pipeline/models
    params:
      params.yaml:
        train.num_leaves: 31
        evaluate:
          seed: 0
"""
TEMPLATE = """format: 1
source: null
version: 1.0.0
project: [params.yaml, src/project/, README.md]
"""
JUDGE = pull_request_gate.judge
BOT = {"login": "github-actions[bot]", "type": "Bot"}


class Scene:
    """main's checkout (the working directory), the branch `feature` with pull request 7, and its run 50."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.checkout, self.measurement = folder / "checkout", folder / "measurement"
        shutil.copytree(template, self.checkout)
        self.base, self.head = git(self.checkout, "rev-parse", "main", "feature").stdout.split()
        self.measure()
        self.github = StandIn(self._state(), git=self.checkout)

    def push(self, files: dict[str, str], message: str) -> str:
        """A commit on the pull request's branch."""
        git(self.checkout, "checkout", "-q", "feature")
        sha = commit(self.checkout, files, message)
        git(self.checkout, "checkout", "-q", "main")
        self.pull["head"]["sha"] = sha
        return sha

    def diverge(self, main: Mapping[str, str], head: Mapping[str, str]) -> None:
        """Commit to main and to the pull request's branch."""
        self.head = self.push(dict(head), "Theirs")
        git(self.checkout, "update-ref", f"refs/pull/{NUMBER}/head", self.head)
        git(self.checkout, "remote", "add", "origin", str(self.checkout))
        self.base = commit(self.checkout, dict(main), "Main's")

    def measure(self, files: dict[str, str] | None = None, **fields: Any) -> None:
        """Write the artifact of the run again, with these files and fields of its manifest."""
        shutil.rmtree(self.measurement, ignore_errors=True)
        self.measurement.mkdir()
        manifest = {"head": self.head, "base": "origin/main", "base_commit": self.base, "outcome": "measured"} | fields
        metrics = {"roc_auc": {"value": 0.8, "lower": 0.79, "upper": 0.81}}
        all_files = {
            "measurement.json": json.dumps(manifest),
            "dvc.lock": LOCK.replace("cmd: train\n", "cmd: train --more\n"),
            "metrics.json": json.dumps({"metrics": metrics}),
        } | (files or {})
        for name, content in all_files.items():
            (self.measurement / name).parent.mkdir(exist_ok=True)
            (self.measurement / name).write_text(content)

    @property
    def pull(self) -> dict[str, Any]:
        pull: dict[str, Any] = self.github.state["pulls"][0]
        return pull

    @property
    def run(self) -> dict[str, Any]:
        run: dict[str, Any] = self.github.state["runs"][0]
        return run

    def comments(self) -> list[dict[str, Any]]:
        """The reports that the bot has written."""
        by_bot = [comment for comment in self.github.state["comments"] if comment["user"] == BOT]
        return [comment for comment in by_bot if "<!-- pipeline-report " in comment["body"]]

    def status(self, sha: str | None = None) -> tuple[str, str] | None:
        """State and description of the commit's `gate`."""
        statuses = [data for data in self.github.state["statuses"] if data["sha"] == (sha or self.head)]
        return (statuses[-1]["state"], statuses[-1]["description"]) if statuses else None

    def overrule(self, sha: str | None = None, **changes: Any) -> None:
        """Add an override of the commit (default: the head), as `pipeline overrule` records it."""
        override: dict[str, Any] = {
            "by": "maintainer",
            "at": AT,
            "commit": sha or self.head,
            "reason": "the data are new",
            "run": self.run_override("maintainer", sha or self.head),
        }
        self.label("maintainer")
        self.record(**override | changes)

    def record(self, **override: Any) -> None:
        """Add the bot's comment that records an override."""
        body = overrides.render(Override.model_validate(override))
        comments = self.github.state["comments"]
        self.github.hub.update({"comments": [*comments, {"issue": NUMBER, "body": body, "user": BOT}]})

    def label(self, person: str) -> None:
        """The label is set by this person."""
        self.pull["labels"] = [LABEL]
        self.github.state["events"].append(labeled(NUMBER, person))

    def run_override(self, person: str, commit: str, **changes: Any) -> int:
        """This person runs override.yaml for the commit, by the label where nothing else is said; the run's id."""
        number = max([OVERRIDE_RUN, *(int(data["id"]) + 1 for data in self.github.state["runs"])])
        run = override_run(number, NUMBER, person, commit, **changes)
        self.github.state["runs"] = [*self.github.state["runs"], run]
        os.environ["GITHUB_RUN_ID"] = str(number)
        return number

    def add_comments(self, count: int) -> None:
        """Add comments of people."""
        comments = [{"issue": NUMBER, "body": f"comment {index}"} for index in range(count)]
        self.github.hub.update({"comments": self.github.state["comments"] + comments})

    def _state(self) -> dict[str, Any]:
        run = {"id": RUN, "head_sha": self.head, "head_branch": "feature"}
        return {
            "repository": REPOSITORY,
            "pulls": [{"number": NUMBER, "head": {"ref": "feature", "sha": self.head}}],
            "runs": [run | {"created_at": "2026-01-01T00:00:00Z", "run_started_at": "2026-01-01T00:00:00Z"}],
            "permissions": {"maintainer": "write"},
            "artifacts": [{"id": 90, "run": RUN, "name": "measurement", "file": str(self.measurement)}],
        }


def commit(folder: Path, files: dict[str, str], message: str) -> str:
    """Write the files and commit all; the commit's SHA."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", message)
    return git(folder, "rev-parse", "HEAD").stdout.strip()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a branch `feature` one commit ahead of main."""
    folder = tmp_path_factory.mktemp("template")
    shutil.copy(FROZEN / "params.yaml", folder / "params.yaml")
    git(folder, "init", "-q", "-b", "main")
    files = {"dvc.lock": LOCK, "reports/metrics.json": '{"roc_auc": 0.7}\n', ".template.yaml": TEMPLATE}
    commit(folder, files | {".dvcignore": "/src/pipeline/models/shown.py\n", ".dvc/config": ""}, "start")
    git(folder, "checkout", "-q", "-b", "feature")
    commit(folder, {"src/project/features.py": "more = 1\n"}, "More features")
    git(folder, "checkout", "-q", "main")
    return folder


@pytest.fixture
def scene(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    slow("gh")
    scene = Scene(tmp_path, template)
    bins = tmp_path / "bin"
    bins.mkdir()
    (bins / "gh").symlink_to(Path(sys.executable).parent / "gh")
    (bins / "python3").symlink_to(Path(sys.executable).resolve())
    (bins / "git").symlink_to(str(shutil.which("git")))
    (bins / "cml").symlink_to(ROOT / "tests/pipeline/github/cml")
    for name, value in scene.github.environment().items():
        monkeypatch.setenv(name, value)
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("CML_STANDIN_PATH", os.environ["PATH"])  # a real CML is used where there is one
    monkeypatch.setenv("PATH", str(bins))
    monkeypatch.setenv("GITHUB_SHA", scene.base)
    monkeypatch.setenv("GITHUB_RUN_ID", str(RUN))
    monkeypatch.setenv("CML_STANDIN_LOG", str(tmp_path / "cml.log"))
    monkeypatch.setattr(api, "RETRY_DELAYS", (0.01, 0.01, 0.01))
    monkeypatch.chdir(scene.checkout)
    with scene.github:
        yield scene
    assert scene.github.state["violations"] == []


@pytest.fixture(autouse=True)
def judge_without_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts that ignore scores: how scores are judged is tested elsewhere."""

    def judge(bundle: Any, gate: Any, evaluate: Any, judges_changed: list[str], spread: Any = None) -> Verdict:
        rules = [Rule("champion", "note", "no champion yet"), *protected.rules(judges_changed)]
        return Verdict(worst(rules), 0, 0, "", tuple(rules))

    monkeypatch.setattr(pull_request_gate, "judge", judge)


class Pipeline:
    """The command line, in this process: an exit status and what it printed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *arguments: str) -> tuple[int, str]:
        self.monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
        self.capsys.readouterr()
        code = cli.run()
        printed = self.capsys.readouterr()
        return code, printed.out + printed.err


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Pipeline:
    return Pipeline(monkeypatch, capsys)
