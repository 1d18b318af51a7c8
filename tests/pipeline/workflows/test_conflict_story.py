"""Two pull requests train a model: the first is merged, and the second conflicts only in what was measured."""

import re
from pathlib import Path

import pytest

from tests.pipeline.conftest import Project
from tests.pipeline.github.standin import StandIn
from tests.pipeline.workflows import world as worlds
from tests.pipeline.workflows.world import NAME, World

pytestmark = pytest.mark.engine

MADE = ("dvc.lock", "reports/metrics.json")


def test_main_is_merged_into_the_pull_request_and_measured(base: Path, tmp_path: Path) -> None:
    with StandIn(worlds.new_state(), git=tmp_path / "origin.git") as github:
        world = World(tmp_path, base, github)
        rewrite = f'[url "file://{world.origin}"]\n\tinsteadOf = https://github.com/{NAME}\n'
        (world.machine.folder / "home/.gitconfig").write_text(rewrite, encoding="utf-8")
        pull = world.open(lambda project: _record(project, "1", train={"num_leaves": 24}))
        world.work.ok("git", "push", "--quiet", str(world.origin), "HEAD:refs/pull/7/head")
        _merge_another(world)
        with pytest.raises(AssertionError, match="GitHub starts no run"):
            world.queue(pull)

        result = world._act("conflicts", "push", {"ref": "refs/heads/main"}, world.main)

        assert result.jobs == {"merge-main": "success"}
        merged = world.state["commits"][world.state["refs"]["heads/change"]]
        assert merged["parents"] == [world.head(), world.work.ok("git", "rev-parse", "main").strip()]
        assert merged["tree"] == _merged_by_hand(world)
        assert world.status(pull["head"]["sha"]) == ("pending", "main was merged; being measured")
        assert [(call["workflow"], call["ref"]) for call in world.state["dispatches"]] == [
            ("train.yaml", "change"),
            ("test.yaml", "change"),
        ]


def _record(project: Project, digit: str, **sections: dict[str, object]) -> None:
    """Change parameters, and what is recorded of the model, as if it had been trained."""
    project.configure(**sections)
    for path, figure in zip(MADE, (r"\b[0-9a-f]{32}\b", r"\b0\.\d+"), strict=True):
        text, count = re.subn(figure, lambda match: match[0][:2] + digit * len(match[0][2:]), project.read(path))
        assert count
        (project.folder / path).write_text(text, encoding="utf-8")


def _merge_another(world: World) -> None:
    """Another trained change reaches main."""
    work = world.work
    work.ok("git", "checkout", "--quiet", "main")
    _record(work, "2", features={"exclude": ["town"]})
    work.commit("another change")
    work.ok("git", "push", "--quiet", str(world.origin), "HEAD:refs/heads/main")
    Project(world.main).ok("git", "pull", "--quiet", str(world.origin), "main")
    work.ok("git", "checkout", "--quiet", "change")


def _merged_by_hand(world: World) -> dict[str, str]:
    """The files of the merge that docs/how-to/merge-model-branches.md describes, with main's lock."""
    work = world.work
    assert work.run("git", "merge", "--quiet", "main").returncode == 1
    work.ok("git", "checkout", "--theirs", *MADE)
    work.ok("git", "add", *MADE)
    tree = work.ok("git", "write-tree").strip()
    lines = work.ok("git", "ls-tree", "-r", tree).splitlines()
    return {path: kind.split()[2] for kind, _, path in (line.partition("\t") for line in lines)}
