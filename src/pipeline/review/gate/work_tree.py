"""What a work tree changes of what judges, against a commit: for whoever looks before GitHub does."""

from pathlib import Path
from typing import Any

from pipeline.core import params
from pipeline.core.git import git
from pipeline.core.template import PATH, Template
from pipeline.core.yaml import load_yaml
from pipeline.review.gate import judges


def changes(base: str | None) -> list[str]:
    """The paths and parameters that judge and differ from the commit's; none where the commit is unknown."""
    if base is None:
        return []
    template = file_at(base, str(PATH))
    paths = git(Path(), "diff", "--name-only", "--no-renames", "--relative", base).stdout.splitlines()
    here = load_yaml(params.PATH, str(params.PATH))
    return [
        *judges.changed_paths(paths, Template.parse(template) if template else None),
        *judges.changed_parameters(params_at(base), here if isinstance(here, dict) else {}),
    ]


def params_at(commit: str | None) -> dict[str, Any]:
    """params.yaml of a commit as plain dictionaries; {} where it has none or it is no YAML."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe").load(file_at(commit, "params.yaml") or "")
    except YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def file_at(commit: str | None, path: str) -> str | None:
    """A file's text at a commit; None where either is unknown."""
    found = git(Path(), "show", f"{commit}:./{path}") if commit else None
    return found.stdout if found and found.returncode == 0 else None
