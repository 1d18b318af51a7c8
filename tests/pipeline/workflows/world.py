"""A repository on the stand-in GitHub and what people and GitHub do there: each event runs its workflow with act."""

import html
import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.pipeline import shared, trained
from tests.pipeline.conftest import ROOT, Project
from tests.pipeline.github.overriding import labeled, override_run
from tests.pipeline.github.standin import StandIn
from tests.pipeline.guard import slow
from tests.pipeline.workflows.acting import Machine, WorkflowResult

NAME, FORK = "acme/model", "mallory/model"
AUTHOR, MAINTAINER, READER = "alice", "carol", "bob"
COMMITTER = "someone"  # the author of each commit in the stand-in's responses
LABEL = "gate: override"
RUNNERS = {"RUNNER_LABELS": '["self-hosted","gpu"]'}
OTHER_FILES = ("Makefile", "bentofile.yaml")
CML = ROOT / "tests/pipeline/github/cml"  # its stand-in


def base() -> Path:
    """A project whose main has been run and recorded, with the workflows; made once for all tests."""
    slow("a trained project")
    parts = shared.digest(ROOT, [ROOT / ".github", *(ROOT / name for name in OTHER_FILES), Path(__file__)])
    return shared.make_once("workflows", f"{trained.key()}-{parts}", _make)


def _make(folder: Path) -> None:
    project = trained.trained(folder / "work", "binary")
    shutil.copytree(ROOT / ".github", project.folder / ".github")
    for name in OTHER_FILES:
        shutil.copy(ROOT / name, project.folder / name)
    (project.folder / "README.md").write_text("A model\n", encoding="utf-8")
    project.commit("the workflows")
    project.ok("git", "remote", "add", "origin", f"https://github.com/{NAME}.git")
    project.ok("git", "clone", "--quiet", "--bare", ".", str(folder / "origin.git"))
    project.ok("git", "-C", str(folder / "origin.git"), "config", "uploadpack.allowAnySHA1InWant", "true")
    shutil.copytree(project.folder / ".dvc/cache", folder / "cache")


class World:
    """The repository of one test."""

    def __init__(self, folder: Path, base: Path, github: StandIn, variables: Mapping[str, str] = RUNNERS) -> None:
        self.github, self.variables = github, dict(variables)
        self.origin, self.main = folder / "origin.git", folder / "main"
        self.work = Project(folder / "work")
        shutil.copytree(base / "origin.git", self.origin)
        for clone in (self.main, self.work.folder):
            Project(folder).ok("git", "clone", "--quiet", str(self.origin), str(clone))
            Project(clone).ok("git", "remote", "set-url", "origin", f"https://github.com/{NAME}.git")
        environment = github.environment()
        token = {"GH_HOST": environment["GITHUB_SERVER_URL"].removeprefix("https://"), "GH_ENTERPRISE_TOKEN": "t0ken"}
        self.machine = Machine(folder / "machine", self.origin, **environment, **token, STANDIN_HASTE="1")
        github.hub.update({"uploads": str(self.machine.artifacts)})
        (folder / "machine/bin/cml").symlink_to(CML)
        (folder / "machine/cache").symlink_to(base / "cache")

    @property
    def state(self) -> dict[str, Any]:
        return self.github.state

    # What people do.

    def open(
        self, change: Callable[[Project], object], source: str = NAME, labels: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """Open a pull request with the change, from a branch of the repository or of a fork."""
        self.work.ok("git", "checkout", "--quiet", "-b", "change")
        pull = {
            "number": 7,
            "title": "A change",
            "state": "open",
            "user": AUTHOR,
            "labels": list(labels),
            "head": {"ref": "change", "sha": "", "repo": source},
            "base": {"ref": "main"},
        }
        self.state["pulls"].append(pull)
        return self.push(pull, change)

    def push(self, pull: dict[str, Any], change: Callable[[Project], object]) -> dict[str, Any]:
        """Push one more commit to the pull request's branch, on top of what the bot recorded there."""
        for path, text in self.recorded().items():
            (self.work.folder / path).write_text(text, encoding="utf-8")
        change(self.work)
        self.work.commit("change")
        ref = "heads/change" if pull["head"]["repo"] == NAME else "pull/7/head"
        self.work.ok("git", "push", "--quiet", "--force", str(self.origin), f"HEAD:refs/{ref}")
        self.state.setdefault("refs", {}).pop("heads/change", None)
        pull["head"]["sha"] = self.head()
        return pull

    def publish(self) -> None:
        """Push the work tree's commits to main."""
        self.work.ok("git", "push", "--quiet", str(self.origin), "HEAD:refs/heads/main")
        Project(self.main).ok("git", "pull", "--quiet", str(self.origin), "main")

    def head(self) -> str:
        return self.work.ok("git", "rev-parse", "HEAD").strip()

    def label(self, pull: dict[str, Any], person: str, action: str = "labeled", reason: str = "") -> WorkflowResult:
        """Set the label, after a comment with the reason, or remove it; then run what the workflow dispatched."""
        if reason:
            comment = {
                "issue": pull["number"],
                "user": {"login": person, "type": "User"},
                "body": f"Override: {reason}",
            }
            self.github.hub.update({"comments": [*self.state["comments"], comment]})
        pull["labels"] = [LABEL] if action == "labeled" else []
        self.state["events"].append(labeled(pull["number"], person) | {"event": action})
        payload = {
            "action": action,
            "label": {"name": LABEL},
            "sender": {"login": person},
            **self._pull_payload(pull),
        }
        run = override_run(1, pull["number"], person, pull["head"]["sha"])
        return self._overrule(run | ({} if action == "labeled" else {"display_title": "override"}), payload, pull)

    def overrule(self, pull: dict[str, Any], person: str, reason: str) -> WorkflowResult:
        """Start the workflow by hand for the current head; then run what it dispatched."""
        inputs = {"pull_request": str(pull["number"]), "commit": pull["head"]["sha"], "reason": reason}
        payload = {"inputs": inputs, "sender": {"login": person}}
        main = Project(self.main).ok("git", "rev-parse", "HEAD").strip()
        dispatch = {"event": "workflow_dispatch", "head_branch": "main", "head_sha": main}
        run = override_run(1, pull["number"], person, pull["head"]["sha"], **dispatch)
        return self._overrule(run, payload, pull)

    def _overrule(self, run: dict[str, Any], payload: dict[str, Any], pull: dict[str, Any]) -> WorkflowResult:
        before, person = len(self.state["dispatches"]), run["triggering_actor"]["login"]
        self.state["runs"] = [*(data for data in self.state["runs"] if data["id"] != run["id"]), run]  # act's is 1
        result = self._act("override", run["event"], payload, self.main, actor=person)
        run |= {"status": "completed", "conclusion": result.jobs["overrule"]}
        for dispatch in self.state["dispatches"][before:]:
            assert dispatch["workflow"] == "comment.yaml"
            assert dispatch["inputs"]["head"] == f"{pull['head']['repo']}:{pull['head']['ref']}"
            self._act("comment", "workflow_dispatch", {"inputs": dispatch["inputs"]}, self.main)
        return result

    # What GitHub does.

    def queue(self, pull: dict[str, Any], status: str = "in_progress") -> dict[str, Any]:
        """Queue a run of train.yaml for the pull request's head, and announce it; GitHub does not, in a conflict."""
        assert self.github.hub.git.merges(pull["head"]["sha"], "main"), "GitHub starts no run for a conflict"
        number = 1001 + len(self.state["runs"])
        run = {
            "id": number,
            "head_sha": pull["head"]["sha"],
            "head_branch": pull["head"]["ref"],
            "head_repository": pull["head"]["repo"],
            "event": "pull_request",
            "path": ".github/workflows/train.yaml",
            "status": status,
            "conclusion": None,
            "run_attempt": 1,
            "run_number": number,
        }
        self.state["runs"].append(run)
        labels = json.loads(self.variables.get("RUNNER_LABELS", '["self-hosted","gpu"]'))
        self.state["jobs"].append(
            {"run": number, "name": "measure", "status": status, "conclusion": None, "labels": labels}
        )
        self._act("comment", "workflow_run", self._run_payload(run, "requested"), self.main)
        return run

    def train(
        self, run: dict[str, Any], pull: dict[str, Any], runners: Mapping[str, str] | None = None
    ) -> WorkflowResult:
        """Run train.yaml; GitHub then has its artifacts and its conclusion."""
        shutil.rmtree(self.machine.artifacts, ignore_errors=True)
        options = {"runners": runners} if runners else {}
        payload = {"action": "opened", "number": pull["number"], **self._pull_payload(pull)}
        result = self._act("train", "pull_request", payload, self.work.folder, variables=self.variables, **options)
        artifacts = self.machine.folder / f"run-{run['id']}"
        if self.machine.artifacts.exists():
            shutil.move(self.machine.artifacts, artifacts)
            self.state["artifacts"] += [
                {"id": run["id"] * 10 + index, "run": run["id"], "name": folder.name, "file": str(folder)}
                for index, folder in enumerate(sorted(artifacts.iterdir()))
            ]
        run |= {"status": "completed", "conclusion": result.jobs.get("measure", "skipped")}
        return result

    def finish(self, run: dict[str, Any]) -> WorkflowResult:
        """Answer a run that has ended; where the bot pushed, GitHub then has runs that wait for a person's approval."""
        before = len(self.state["runs"])
        result = self._act("comment", "workflow_run", self._run_payload(run, "completed"), self.main)
        for waiting in self.state["runs"][before:]:
            assert waiting["conclusion"] == "action_required"
            workflow = {"train.yaml": "comment", "test.yaml": "test-status"}[Path(waiting["path"]).name]
            payload = self._run_payload({"head_repository": NAME, **waiting}, "completed")
            assert self._act(workflow, "workflow_run", payload, self.main).jobs == {}
        return result

    def measure_and_answer(self, pull: dict[str, Any]) -> WorkflowResult:
        """A run from its announcement to its answer; the result of the answer."""
        run = self.queue(pull)
        self.train(run, pull)
        return self.finish(run)

    # What people and GitHub have afterwards.

    def comment(self) -> str:
        """The bot's one report as people read it: without tags, and unescaped."""
        (report,) = [data for data in self.state["comments"] if "<!-- pipeline-report " in data["body"]]
        text = re.sub(r"</?[a-z]+[^>]*>", "", report["body"])
        return re.sub(r"[\\\u200b]", "", html.unescape(text))

    def status(self, sha: str) -> tuple[str, str]:
        """State and description of `gate`, as set last."""
        return next(reversed(self.statuses(sha)), ("", ""))

    def statuses(self, sha: str) -> list[tuple[str, str]]:
        """State and description of each status `gate` of a commit, in order."""
        statuses = [status for status in self.state["statuses"] if status["sha"] == sha and status["context"] == "gate"]
        return [(status["state"], status["description"]) for status in statuses]

    def artifact_files(self, run: dict[str, Any], name: str) -> set[str]:
        """The names of the files of a run's artifact."""
        return {path.name for path in (self.machine.folder / f"run-{run['id']}" / name).iterdir()}

    def recorded(self) -> dict[str, str]:
        """The content of the files in the bot's last commit, by path."""
        trees = [call["body"] for call in self.github.calls("POST", "^git/trees$")]
        return {entry["path"]: entry["content"] for entry in trees[-1]["tree"]} if trees else {}

    def recorded_commit(self) -> str | None:
        """The commit to which the bot moved the branch; None where it did not."""
        return (self.state.get("refs") or {}).get("heads/change")

    def _pull_payload(self, pull: dict[str, Any]) -> dict[str, Any]:
        head = pull["head"] | {"repo": {"full_name": pull["head"]["repo"]}}
        page = f"https://github.com/{NAME}/pull/{pull['number']}"
        return {"pull_request": pull | {"head": head, "user": {"login": pull["user"]}, "html_url": page}}

    def _run_payload(self, run: dict[str, Any], action: str) -> dict[str, Any]:
        return {"action": action, "workflow_run": run | {"head_repository": {"full_name": run["head_repository"]}}}

    def _act(
        self, workflow: str, event: str, payload: dict[str, Any], checkout: Path, **options: Any
    ) -> WorkflowResult:
        payload = payload | {"repository": {"full_name": NAME, "default_branch": "main"}}
        result = self.machine.act(workflow, event, payload, checkout, secrets={"GITHUB_TOKEN": "t0ken"}, **options)
        print(result.log)  # pytest shows it where the test fails
        assert self.state["violations"] == [], self.state["violations"]
        return result


def new_state() -> dict[str, Any]:
    return {
        "repository": NAME,
        "default_branch": "main",
        "user": {"login": "github-actions[bot]", "type": "Bot"},
        "permissions": {AUTHOR: "write", COMMITTER: "write", MAINTAINER: "write", READER: "read"},
        **{name: [] for name in ("pulls", "comments", "issues", "statuses", "runs", "jobs", "artifacts")},
    }
