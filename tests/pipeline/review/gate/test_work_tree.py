"""What a work tree changes of what judges, reported before GitHub does."""

from pathlib import Path

import pytest

from pipeline.core.git import git
from pipeline.core.params import TaskSection
from pipeline.core.tasks import Task
from pipeline.review.gate import work_tree

TEMPLATE = "format: 1\nsource: null\nversion: 1.0.0\nproject: [params.yaml, src/project/]\n"
PARAMS = "gate: {tolerance: 0.005}\ntrain: {num_leaves: 31}\n"


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The commit of a small repository, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    write({".template.yaml": TEMPLATE, "params.yaml": PARAMS, "src/pipeline/x.py": "", "src/project/x.py": ""})
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "--all")
    git(tmp_path, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "start")
    return git(tmp_path, "rev-parse", "HEAD").stdout.strip()


def write(files: dict[str, str]) -> None:
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(content, encoding="utf-8")


def test_nothing_is_changed_by_the_projects_own_work(base: str) -> None:
    write({"src/project/x.py": "y = 1\n", "params.yaml": PARAMS.replace("31", "15") + "# a comment\n"})
    assert work_tree.changes(base) == []


def test_paths_and_parameters_are_named(base: str) -> None:
    write({"src/pipeline/x.py": "y = 1\n", "params.yaml": PARAMS.replace("0.005", "0.5")})
    assert work_tree.changes(base) == ["src/pipeline/x.py", "gate.tolerance"]


def test_the_commit_decides_whose_a_path_is_and_not_the_work_tree(base: str) -> None:
    write({".template.yaml": TEMPLATE.replace("src/project/", "src/"), "src/pipeline/x.py": "y = 1\n"})
    assert work_tree.changes(base) == [".template.yaml", "src/pipeline/x.py"]


def test_without_a_commit_to_compare_with_nothing_is_named(base: str) -> None:
    assert work_tree.changes(None) == []


@pytest.mark.parametrize(
    ("kind", "target", "expected"),
    [
        ("binary", "y", ""),
        ("binary", "churned", "it is another project's: binary, target y"),
        ("regression", "y", "it is another project's: binary, target y"),
    ],
)
def test_a_model_of_another_target_or_task_is_another_projects(
    base: str, kind: Task, target: str, expected: str
) -> None:
    task = TaskSection.model_construct(type=kind, target=target)
    assert work_tree.another_project(base, task) == ""  # the commit says nothing of it
    write({"params.yaml": PARAMS + "task: {type: binary, target: y, positive: 1}\n"})
    git(Path(), "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "a task")
    assert work_tree.another_project("HEAD", task) == expected


def test_bounds_that_differ_are_named_with_both_values(base: str) -> None:
    assert work_tree.changed_bounds(base) == []
    write({"params.yaml": "gate: {tolerance: 0.5, reference: v1}\ntrain: {num_leaves: 15}\n"})
    assert work_tree.changed_bounds(base) == ["gate.tolerance: 0.005, here 0.5", "gate.reference: absent, here v1"]
