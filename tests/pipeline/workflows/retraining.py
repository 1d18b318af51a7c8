"""A repository with a monitored service and growing data: what its schedule, people and GitHub do there."""

import shutil
from pathlib import Path
from typing import Any

from tests.pipeline.github.standin import StandIn
from tests.pipeline.workflows.acting import HOSTED, WorkflowResult
from tests.pipeline.workflows.world import RUNNERS, World

BRANCH = "retrain/drift"
RUN = 1  # the id that act gives to every run


class Watched(World):
    """A repository with a prediction log, labels, and a store for labelled rows."""

    def __init__(self, folder: Path, base: Path, github: StandIn) -> None:
        super().__init__(folder, base, github)
        self.store, self.log, self.labels = folder / "store", folder / "log", folder / "labels.csv"
        self.variables = RUNNERS | {"PIPELINE_LOG_URL": str(self.log), "PIPELINE_LABELS_URL": str(self.labels)}

    def configure_store(self, **sections: dict[str, Any]) -> None:
        """Commit the store's address, and other parameters, to main; the model stays as it is."""
        shutil.copytree(self.machine.cache, self.work.folder / ".dvc/cache")
        self.work.configure(data={"added": str(self.store)}, **sections)
        self.work.ok("pipeline", "fetch")
        self.work.ok("dvc", "repro", "--quiet")
        self.work.commit("configure a store for labelled rows")
        self.publish()
        self.machine.cache.unlink()  # from now on what this repository's runs have made
        self.machine.cache.symlink_to(self.work.folder / ".dvc/cache")

    def run_monitor(self) -> WorkflowResult:
        """Run the scheduled monitor."""
        result = self._act("monitor", "schedule", {}, self.main, variables=self.variables, runners=HOSTED)
        assert result.jobs == {"pipelines": "success", "watch": "success"}
        return result

    def retrain(self, issue: int, **inputs: str) -> WorkflowResult:
        return self.dispatch("retrain", {"issue": str(issue), **inputs}, self.main)

    def dispatch(self, workflow: str, inputs: dict[str, str], checkout: Path) -> WorkflowResult:
        return self._act(
            workflow,
            "workflow_dispatch",
            {"inputs": inputs},
            checkout,
            variables=self.variables,
            actor="github-actions[bot]",
        )

    def take_proposal(self) -> dict[str, Any]:
        """The pull request; its branch, which only the stand-in has, is pushed to the repository."""
        (pull,) = self.state["pulls"]
        (entry,) = self.github.calls("POST", "^git/trees$")[-1]["body"]["tree"]
        self.work.ok("git", "checkout", "--quiet", "-b", BRANCH, "main")
        (self.work.folder / entry["path"]).write_text(entry["content"], encoding="utf-8")
        self.work.commit("the batch")
        self.work.ok("git", "push", "--quiet", str(self.origin), f"HEAD:refs/heads/{BRANCH}")
        del self.state["refs"][f"heads/{BRANCH}"]
        pull["head"]["sha"] = self.head()
        assert isinstance(pull, dict)
        return pull

    def measure(self, pull: dict[str, Any]) -> WorkflowResult:
        """Run the train.yaml that the workflow has started."""
        run = {"id": RUN, "head_sha": pull["head"]["sha"], "head_branch": BRANCH, "event": "workflow_dispatch"}
        self.state["runs"].append(run | {"status": "in_progress", "conclusion": None})
        (dispatch,) = [call for call in self.state["dispatches"] if call["workflow"] == "train.yaml"]
        assert dispatch["ref"] == BRANCH
        shutil.rmtree(self.machine.artifacts, ignore_errors=True)
        result = self.dispatch("train", dispatch["inputs"], self.work.folder)
        self.state["artifacts"] += [
            {"id": 10 + index, "run": RUN, "name": folder.name, "file": str(folder)}
            for index, folder in enumerate(sorted(self.machine.artifacts.iterdir()))
        ]
        self.state["runs"][-1] |= {"status": "completed", "conclusion": result.jobs["measure"]}
        return result

    def answer_measured(self) -> WorkflowResult:
        """Run the answer that the measured run has started."""
        dispatch = self.state["dispatches"][-1]
        assert dispatch["workflow"] == "comment.yaml"
        return self.dispatch("comment", dispatch["inputs"], self.main)

    def merge(self, pull: dict[str, Any]) -> str:
        """Merge it as a person, with the lock that the bot recorded; the commit on main."""
        for path, text in self.recorded().items():
            (self.work.folder / path).write_text(text, encoding="utf-8")
        self.work.commit("merged")
        self.publish()
        self.work.ok("dvc", "repro", "--quiet")
        assert self.work.ok("git", "status", "--porcelain") == ""  # the same bytes as were measured
        self.machine.cache.unlink()
        shutil.copytree(self.work.folder / ".dvc/cache", self.machine.cache)  # as deploy.yaml caches the champion
        self.work.ok("git", "branch", "--force", "main")
        pull |= {"state": "closed", "merged_at": "2026-11-21T12:00:00Z", "merge_commit_sha": self.head()}
        return self.head()

    def comments(self, issue: int) -> list[str]:
        return [data["body"] for data in self.state["comments"] if data["issue"] == issue]
