"""What a work tree changes of what judges, against a commit: a look ahead at GitHub's answer."""

from pathlib import Path
from typing import Any

from pipeline.core import params, pipelines
from pipeline.core.git import git
from pipeline.core.template import PATH, Template
from pipeline.core.yaml import load_yaml
from pipeline.review.gate import protected


def changes(base: str | None) -> list[str]:
    """The paths and parameters that judge and differ from the commit's; none where the commit is unknown."""
    if base is None:
        return []
    template = git(Path(), "show", f"{base}:{PATH}")
    main = Template.parse(template.stdout) if template.returncode == 0 else None
    paths = git(Path(), "diff", "--name-only", "--no-renames", base).stdout.splitlines()
    head = load_yaml(params.PATH, str(params.PATH))
    return [
        *protected.changed_paths(paths, main, pipelines.folder()),
        *protected.changed_parameters(params_at(base), head if isinstance(head, dict) else {}),
    ]


def another_project(base: str | None, task: params.TaskSection) -> str:
    """What the commit's model predicts, where that is another target or task; empty where it is the same or unknown."""
    main = params_at(base).get("task")
    if not isinstance(main, dict) or {"type": task.type, "target": task.target}.items() <= main.items():
        return ""
    return f"it is another project's: {main.get('type')}, target {main.get('target')}"


def changed_bounds(base: str) -> list[str]:
    """The bounds and groups of params.yaml that differ from the commit's, each with both values."""
    main, here = params_at(base), load_yaml(params.PATH, str(params.PATH))
    changed = protected.changed_parameters(main, here) if main and isinstance(here, dict) else []
    return [
        f"{key}: {_shown(main, key)}, here {_shown(here, key)}"
        for key in changed
        if key.startswith(("gate.", "evaluate."))
    ]


def _shown(tree: Any, key: str) -> str:
    for part in key.split("."):
        if not isinstance(tree, dict) or part not in tree:
            return "absent"
        tree = tree[part]
    if isinstance(tree, dict):
        return ", ".join(f"{name} {'null' if value is None else value}" for name, value in tree.items())[:80]
    return "null" if tree is None else str(tree)[:80]


def params_at(commit: str | None) -> dict[str, Any]:
    """params.yaml of a commit as plain dictionaries; {} where it has none or it is not YAML."""
    return yaml_at(commit, "params.yaml")


def yaml_at(commit: str | None, path: str) -> dict[str, Any]:
    """A file of YAML at a commit; {} where it is not there or no mapping."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ="safe").load(file_at(commit, path) or "")
    except YAMLError:
        return {}
    return content if isinstance(content, dict) else {}


def python_files_at(commit: str | None, folder: str) -> dict[str, str] | None:
    """The text of each Python file in a folder at a commit, without the folders in it; None for an unknown commit."""
    listed = git(Path(), "ls-tree", "--name-only", commit, f"./{folder}/") if commit else None
    if listed is None or listed.returncode != 0:
        return None
    paths = [path for path in listed.stdout.splitlines() if path.endswith(".py")]
    return {Path(path).name: file_at(commit, f"{folder}/{Path(path).name}") or "" for path in paths}


def file_at(commit: str | None, path: str) -> str | None:
    """A file's text at a commit; None where either is unknown."""
    result = git(Path(), "show", f"{commit}:./{path}") if commit else None
    return result.stdout if result and result.returncode == 0 else None
