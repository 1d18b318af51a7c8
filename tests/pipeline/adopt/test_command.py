"""`pipeline adopt` from a table to a project that runs: nothing is half-written, and a second run changes nothing."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipeline.adopt import project_files, workplace
from pipeline.core.errors import PipelineError
from tests.pipeline.conftest import TIMEOUT, Project, copy_template, small_table
from tests.pipeline.trained import copy_empty_store

WRITTEN = ("data/README.md", "tests/project/model/test_behaviour.py")  # anew
SURE = ("--yes", "--exclude", "none", "--golden", "none", "--data", "git")


FIXTURES = """
from pathlib import Path

import pandas as pd
import pytest

from pipeline.models.model import load


@pytest.fixture
def model():
    return load(Path("models"))


@pytest.fixture
def test_rows():
    return pd.read_parquet("data/split/test.parquet")
"""


def template(folder: Path) -> Project:
    """The template with its sample (here a stand-in, as adopt does not read it), committed."""
    project = copy_template(folder)
    for name in (*project_files.SAMPLES_OWN, "README.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("assert False, 'of the sample'\n", encoding="utf-8")
    (folder / project_files.FEATURES / "credit.py").write_text("assert False, 'of the sample'\n", encoding="utf-8")
    (folder / "tests/project/model/conftest.py").write_text(FIXTURES, encoding="utf-8")
    project.commit("the template")
    copy_empty_store(folder)
    return project


def parameters(project: Project) -> Any:
    return YAML(typ="safe").load(project.folder / "params.yaml")


def test_a_dirty_work_tree_is_refused_and_the_table_itself_is_not_dirt(tmp_path: Path) -> None:
    project = copy_template(tmp_path)
    project.commit()
    (tmp_path / "data/table.csv").write_text("a,b\n", encoding="utf-8")
    workplace.check_clean(tmp_path, ["data/table.csv"])
    with pytest.raises(PipelineError, match=r"the work tree has changes \(data/table.csv\); commit or stash them"):
        workplace.check_clean(tmp_path)


def test_without_a_commit_git_could_bring_nothing_back(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="adopt needs one"):
        workplace.check_clean(tmp_path)


def test_an_interruption_while_files_are_replaced_takes_all_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_template(tmp_path / "project")
    project.commit()
    other = tmp_path / "tree"
    shutil.copytree(project.folder, other)
    for name in ("params.yaml", "dvc.yaml", "new.txt"):
        (other / name).write_text("new\n", encoding="utf-8")
    copied, copyfile = list[str](), shutil.copyfile

    def copy_two(source: Path, target: Path) -> None:
        copied.append(str(source))
        if len(copied) == 3:
            raise KeyboardInterrupt
        copyfile(source, target)

    monkeypatch.setattr("shutil.copyfile", copy_two)
    with pytest.raises(KeyboardInterrupt):
        workplace.apply(
            other, project.folder, {"params.yaml": True, "dvc.yaml": True, "new.txt": True, ".dvcignore": False}
        )
    assert project.ok("git", "status", "--porcelain") == ""


@pytest.mark.engine
def test_a_spreadsheets_export_becomes_the_project(tmp_path: Path) -> None:
    project, table = template(tmp_path / "project"), small_table("binary")
    export = table.assign(since=table["since"].dt.strftime("%d.%m.%Y"))
    export.to_csv(tmp_path / "kunden.csv", sep=";", decimal=",", index=False, encoding="cp1252")
    command = ("pipeline", "adopt", str(tmp_path / "kunden.csv"), "--target", "outcome", *SURE)

    refused = project.run(*command)
    assert refused.returncode == 2
    assert refused.stderr.count("error: ") == 3, "positive, split and sensitive are asked"
    answers = ("--positive", "yes", "--split", "rows", "--sensitive", "age")
    assert "Nothing was changed" in project.ok(*command, *answers, "--dry-run")
    assert project.ok("git", "status", "--porcelain") == ""

    printed = project.ok(*command, *answers)
    assert "gate: fail" not in printed
    assert "  2. git switch --create own-data" in printed
    written = parameters(project)
    assert written["data"]["csv"] == {"separator": ";", "decimal": ",", "encoding": "cp1252", "dates": "%d.%m.%Y"}
    assert (written["task"]["positive"], written["data"]["key"]) == ("yes", "id")
    assert list(written["gate"]["floors"]) == ["roc_auc"]
    assert not (project.folder / project_files.SAMPLE).exists()
    assert not [name for name in project_files.SAMPLES_OWN if name not in WRITTEN and (project.folder / name).exists()]
    features = project.folder / project_files.FEATURES
    assert [path.name for path in features.glob("*.py")] == ["__init__.py"], "an empty package"
    project.ok("pytest", "tests/project/model", "-q", "-p", "no:xdist")
    project.commit("our own data")
    again = ("pipeline", "adopt", "data/kunden.csv", "--target", "outcome", *SURE, *answers)
    assert "nothing to change" in project.ok(*again)
    assert project.ok("git", "status", "--porcelain") == ""


@pytest.mark.engine
def test_at_a_terminal_each_question_is_asked(tmp_path: Path) -> None:
    project = template(tmp_path / "project")
    small_table("binary").to_csv(tmp_path / "t.csv", index=False)
    asked = {"data": "git", "positive": "perhaps\nyes", "split": "rows", "exclude": "town", "sensitive": "age"}
    command = ["pipeline", "adopt", str(tmp_path / "t.csv"), "--target", "outcome", "--dry-run"]
    ours, terminal = pty.openpty()
    os.write(ours, "".join(f"{answer}\n" for answer in [*asked.values(), "none"]).encode())
    done = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        cwd=project.folder,
        stdin=terminal,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    os.close(terminal)
    os.close(ours)
    assert done.stdout.count("which value of outcome is positive?") == 2, "a wrong answer is asked again"
    assert "'perhaps' is none of" in done.stdout
    for line in ("task.positive          yes", "features.exclude       [town]", "evaluate.sensitive     [age]"):
        assert line in done.stdout
    assert "Nothing was changed" in done.stdout


@pytest.mark.engine
def test_a_workbook_of_amounts_becomes_the_project(tmp_path: Path) -> None:
    project, table = template(tmp_path / "project"), small_table("regression")
    amounts = (table["outcome"] * 1e6).map(lambda value: f"${value:,.2f}")
    table.assign(outcome=amounts).to_excel(tmp_path / "houses.xlsx", index=False)
    project.ok(
        *("pipeline", "adopt", str(tmp_path / "houses.xlsx"), "--target", "outcome", *SURE),
        *("--split", "time:since", "--sensitive", "none"),
    )
    written = parameters(project)
    assert (written["task"]["type"], written["split"]["time"]) == ("regression", "since")
    assert written["gate"]["fairness"] is None
    assert list(written["gate"]["floors"]) == ["rmse", "r2"]
    project.ok("pytest", "tests/project/model", "-q", "-p", "no:xdist")


@pytest.mark.engine
def test_visits_of_patients_are_split_by_patient(tmp_path: Path) -> None:
    project, table = template(tmp_path / "project"), small_table("multiclass")
    visits = table.assign(patient=[f"P{row % 300:03d}" for row in range(len(table))])
    visits.to_json(tmp_path / "visits.jsonl", orient="records", lines=True, date_format="iso")
    project.ok(
        *("pipeline", "adopt", str(tmp_path / "visits.jsonl"), "--target", "outcome", *SURE),
        *("--split", "group:patient", "--sensitive", "none"),
    )
    written = parameters(project)
    assert (written["task"]["type"], written["split"]["group"]) == ("multiclass", "patient")
    project.ok("pytest", "tests/project/model", "-q", "-p", "no:xdist")


@pytest.mark.engine
def test_stopped_in_the_middle_nothing_is_changed(tmp_path: Path) -> None:
    project = template(tmp_path / "project")
    small_table("regression").to_csv(tmp_path / "t.csv", index=False)
    answers = ("--split", "rows", "--sensitive", "none")
    command = ["pipeline", "adopt", str(tmp_path / "t.csv"), "--target", "outcome", *SURE, *answers]
    started = subprocess.Popen(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert started.stdout
    while "the first run on all rows" not in started.stdout.readline():
        assert started.poll() is None
    time.sleep(1)  # into the stages
    started.send_signal(signal.SIGINT)
    assert started.wait(60) == 130
    assert project.ok("git", "status", "--porcelain") == ""
    assert len(project.ok("git", "worktree", "list").splitlines()) == 1
