""".template.yaml says which paths are the project's; a mistake in it is an error of one line."""

import re
from pathlib import Path

import pytest

from pipeline.core import template
from pipeline.core.errors import PipelineError
from pipeline.core.template import Template
from tests.pipeline.conftest import ROOT

TEXT = "format: 1\nsource: someone/template\nversion: 0.2.0\nproject: [params.yaml, src/project/]\n"


@pytest.mark.parametrize(
    ("path", "project"),
    [
        ("params.yaml", True),
        ("src/project/features.py", True),
        ("src/project/deep/er.py", True),
        ("params.yaml.old", False),
        ("docs/params.yaml", False),
        ("src/project", False),  # a file of this name is no folder
        ("src/project.py", False),
        ("src/pipeline/cli.py", False),
    ],
)
def test_a_path_is_the_projects_by_its_name_or_its_folder(path: str, project: bool) -> None:
    assert Template.parse(TEXT).is_project(path) is project


def test_the_repositorys_own_file_names_the_projects_paths_and_no_other() -> None:
    own = template.read(ROOT)
    if (ROOT / "params.yaml").exists():  # a repository may have its pipelines in folders alone
        assert all((ROOT / path).exists() for path in own.project if path not in {"LICENSE", "reports/seeds.json"})
    for path in ("data/schema.yaml", "tests/project/unit/test_shifts.py", "dvc.lock"):
        assert own.is_project(path)
    for path in (".template.yaml", "dvc.yaml", "pyproject.toml", "src/pipeline/cli.py", "tests/pipeline/conftest.py"):
        assert not own.is_project(path)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("format: 1", "format: 2", ".template.yaml: format: is 2; allowed: 1"),
        ("format: 1\n", "", ".template.yaml: format: missing; add it"),
        ("0.2.0", "0.2", ".template.yaml: version: is 0.2; allowed: a string"),
        ("project:", "projects:", ".template.yaml: projects: unknown key; did you mean project?"),
        ("params.yaml,", "../secret,", "project.0: is '../secret'; allowed: a path from the top of the repository"),
        ("params.yaml,", "/etc/,", "project.0: is '/etc/'; allowed: a path from the top"),
        ("params.yaml,", "'',", "project.0: is ''; allowed: a path from the top"),
        ("params.yaml,", "./data/,", "project.0: is './data/'; allowed: a path from the top"),
        ("[params.yaml", "{[params.yaml", ".template.yaml line "),
    ],
)
def test_a_mistake_is_named(old: str, new: str, expected: str) -> None:
    assert old in TEXT
    with pytest.raises(PipelineError, match=re.escape(expected)):
        Template.parse(TEXT.replace(old, new))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"\.template\.yaml: no such file; run from the top of the repository"):
        template.read(tmp_path)
