"""Every bad input, as a user meets it: one clear line each, exit status 2, and nothing that a later run takes for good.

The failing stage is run as dvc.yaml runs it, in a copy of one finished project; a few cases go through `pipeline run`.
"""

import gzip
import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from tests.pipeline.conftest import GATES, ROOT, Project, missing, require, small_table
from tests.pipeline.trained import trained

pytestmark = pytest.mark.engine

SOURCE = "data/table.parquet"
STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that ran once, without fault."""
    project = trained(tmp_path_factory.mktemp("finished"), "binary")
    project.ok("pipeline", "run")
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    return Project(folder)


def stage(name: str) -> list[str]:
    """The command of a stage, as dvc.yaml has it."""
    return shlex.split(STAGES[name]["cmd"])


def outputs(project: Project) -> dict[str, str]:
    """What stages have written, and the lock: path and hash, hidden files too."""
    folders = ("data/raw", "data/split", "models", "reports")
    paths = [path for name in folders for path in (project.folder / name).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(project.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in [*paths, project.folder / "dvc.lock"]
    }


def refused(done: Done, *parts: str, lines: int = 1) -> None:
    """Exit status 2, no traceback, `lines` lines of error that are no longer than a few lines of a terminal."""
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert "Traceback" not in said
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == lines, said
    assert all(len(line) < 600 for line in errors)
    for part in parts:
        assert part in said


def put(project: Project, table: pd.DataFrame, fetched: bool = True) -> None:
    """Another table as the source."""
    table.to_parquet(project.folder / SOURCE, index=False)
    if fetched:
        project.ok("pipeline", "fetch")


def put_content(project: Project, name: str, content: bytes) -> None:
    (project.folder / name).write_bytes(content)
    project.configure(data={"source": name})
    project.ok("pipeline", "fetch")


def table(**changes: Any) -> pd.DataFrame:
    return small_table("binary").assign(**changes)


def packed() -> bytes:
    return gzip.compress(small_table("binary").to_csv(index=False).encode(), mtime=0)


class TestFilesThatAreRefusedAtTheStart:
    """By `pipeline ingest`: the raw table, and all that came of it, stays as it was."""

    def ingest(self, project: Project, *parts: str) -> None:
        before = outputs(project)
        refused(project.run(*stage("ingest")), *parts)
        assert outputs(project) == before

    def test_an_empty_table(self, project: Project) -> None:
        put(project, table().head(0))
        self.ingest(project, f"data.source: {SOURCE}: holds no row", "get the data again")

    def test_a_file_of_no_bytes(self, project: Project) -> None:
        put_content(project, "data/none.csv", b"")
        self.ingest(project, "data/none.csv: is empty (0 bytes)", "get the file again")

    def test_a_parquet_file_cut_in_the_middle(self, project: Project) -> None:
        whole = (project.folder / SOURCE).read_bytes()
        put_content(project, "data/cut.parquet", whole[: len(whole) // 2])
        self.ingest(
            project, "data/cut.parquet: can't be read as Parquet, it is cut off or damaged", "get the file again"
        )

    def test_a_compressed_file_cut_in_the_middle(self, project: Project) -> None:
        whole = packed()
        put_content(project, "data/cut.csv.gz", whole[: len(whole) // 2])
        self.ingest(project, "data/cut.csv.gz: the compressed file is cut off", "get the file again")

    def test_a_duplicate_key(self, project: Project) -> None:
        rows = table()
        rows.loc[[6, 8], "id"] = 1
        put(project, rows)
        self.ingest(project, "data.key: id repeats in 3 rows (rows 1, 7, 9)", "set data.deduplicate: true")

    def test_a_source_that_changed_since_it_was_recorded(self, project: Project) -> None:
        put(project, table().head(500), fetched=False)
        self.ingest(project, f"{SOURCE}: is not the content that data/source.json records", "run `pipeline fetch`")

    def test_a_source_that_is_gone(self, project: Project) -> None:
        (project.folder / SOURCE).unlink()
        self.ingest(project, f"{SOURCE}: no such file", "restore it, or run `pipeline fetch`")


class TestDataThatBreaksItsContract:
    """By `pipeline validate`: a table of every break, and one line; the next stages' outputs stay as they were."""

    def validate(self, project: Project, changed: pd.DataFrame, *breaks: tuple[str, str]) -> str:
        changed.to_parquet(project.folder / "data/raw/table.parquet", index=False)
        before = {name: found for name, found in outputs(project).items() if name != "reports/data_quality.json"}
        done = project.run(*stage("validate"))
        violations = "1 violation" if len(breaks) == 1 else f"{len(breaks)} violations"
        refused(done, f"{violations} of data/schema.yaml", "correct the data, or the contract")
        shown = [line.split() for line in done.stdout.splitlines() if "  " in line][1:]
        assert len(shown) == len(breaks), done.stdout
        for words, (column, expected) in zip(shown, breaks, strict=True):
            assert column in words
            assert expected in " ".join(words)
        after = outputs(project)
        assert {name: after[name] for name in before} == before
        return done.stdout + done.stderr

    def test_one_class_only(self, project: Project) -> None:
        self.validate(project, table(outcome="yes"), ("outcome", "at least two classes"))

    def test_a_positive_class_that_never_occurs(self, project: Project) -> None:
        self.validate(
            project, table(outcome="no"), ("outcome", "at least two classes"), ("outcome", "the positive class")
        )

    def test_a_target_column_that_is_missing(self, project: Project) -> None:
        self.validate(project, table().drop(columns="outcome"), ("outcome", "a column of this name"))

    def test_a_target_without_value_in_some_rows(self, project: Project) -> None:
        rows = table()
        rows.loc[[2, 4], "outcome"] = None
        self.validate(project, rows, ("outcome", "a value in every row 3, 5"))

    def test_a_constant_target_of_a_regression(self, project: Project) -> None:
        project.configure(task={"type": "regression", "target": "age", "positive": None}, gate=GATES["regression"])
        self.validate(project, table(age=40), ("age", "values that differ"))

    def test_a_column_without_any_value(self, project: Project) -> None:
        self.validate(project, table(income=np.nan), ("income", "at least one value"))

    def test_a_new_category(self, project: Project) -> None:
        rows = table()
        rows.loc[[9, 19], "town"] = "Atlantis"
        said = self.validate(project, rows, ("town", "Bergen, Oslo, Tromsø 10, 20"))
        assert "Atlantis" not in said, "values are shown only when asked for"


class TestTablesThatNoModelLearnsFrom:
    """By `pipeline train`: what the contract allows and a model can't use; the model stays as it was."""

    def train(self, project: Project, changed: Callable[[pd.DataFrame], pd.DataFrame], *parts: str) -> None:
        path = project.folder / "data/split/train.parquet"
        changed(pd.read_parquet(path)).to_parquet(path, index=False)
        before = outputs(project)
        refused(project.run(*stage("train")), *parts)
        assert outputs(project) == before

    def test_one_class_only_in_the_training_rows(self, project: Project) -> None:
        self.train(project, lambda rows: rows.assign(outcome="no"), "target outcome: has one class only (no)")

    def test_a_constant_target_in_the_training_rows(self, project: Project) -> None:
        project.configure(task={"type": "regression", "target": "age", "positive": None}, gate=GATES["regression"])
        self.train(project, lambda rows: rows.assign(age=40), "target age: is constant; there is nothing to learn")

    def test_a_column_without_any_value_in_the_training_rows(self, project: Project) -> None:
        self.train(project, lambda rows: rows.assign(income=np.nan), "column income: has no value", "features.exclude")

    def test_a_huge_number_of_different_texts(self, project: Project) -> None:
        self.train(
            project,
            lambda rows: rows.assign(email=[f"{row}@example.org" for row in range(len(rows))]),
            "column email: text with 698 different values looks like an identifier",
            "add it to features.exclude or raise features.max_categories",
        )

    def test_test_rows_of_one_class_judge_no_model(self, project: Project) -> None:
        path = project.folder / "data/split/test.parquet"
        pd.read_parquet(path).assign(outcome="no").to_parquet(path, index=False)
        before = outputs(project)
        refused(
            project.run(*stage("evaluate")), "target outcome: all 235 test rows are of one class (no)", "split.test"
        )
        assert outputs(project) == before


class TestParametersThatAreRefusedBeforeAnyWork:
    def run(self, project: Project, *parts: str, lines: int = 1) -> None:
        before = outputs(project)
        done = project.run("pipeline", "run")
        refused(done, *parts, lines=lines)
        assert "Running stage" not in done.stdout
        assert outputs(project) == before

    def test_a_typo_names_the_key_that_was_meant(self, project: Project) -> None:
        text = project.read("params.yaml").replace("learning_rate: 0.05", "learning_rte: 0.05")
        (project.folder / "params.yaml").write_text(text, encoding="utf-8")
        self.run(project, "params.yaml: train.learning_rte", "learning_rate", lines=2)

    def test_each_wrong_value_gets_a_line_of_its_own(self, project: Project) -> None:
        project.configure(train={"num_leaves": "many"}, split={"test": 1.5})
        self.run(project, "params.yaml: train.num_leaves", "params.yaml: split.test", lines=2)

    def test_a_stage_by_itself_refuses_them_as_well(self, project: Project) -> None:
        project.configure(train={"num_leaves": 1})
        before = outputs(project)
        refused(project.run(*stage("train")), "params.yaml: train.num_leaves")
        assert outputs(project) == before

    def test_a_source_that_does_not_exist(self, project: Project) -> None:
        project.configure(data={"source": "data/nowhere.parquet"})
        said = ("data.source: data/nowhere.parquet: can't be reached: no file is there", "top of the repository")
        fingerprint = project.read("data/source.json")
        refused(project.run("pipeline", "fetch"), *said)
        assert project.read("data/source.json") == fingerprint
        self.run(project, *said)

    def test_a_file_that_is_neither_csv_nor_parquet(self, project: Project) -> None:
        (project.folder / "data/table.xlsx").write_bytes(b"PK")
        project.configure(data={"source": "data/table.xlsx"})
        self.run(project, "data.source: data/table.xlsx: is neither CSV nor Parquet", ".csv.gz")


class TestThroughTheWholePipeline:
    """`pipeline run` on the fault, then without it: as if it had never been."""

    def test_a_cut_file_and_then_the_whole_one(self, project: Project) -> None:
        before, whole = outputs(project), (project.folder / SOURCE).read_bytes()
        (project.folder / SOURCE).write_bytes(whole[: len(whole) // 2])
        refused(project.run("pipeline", "run"), f"{SOURCE}: can't be read as Parquet", "stage 'ingest'", lines=2)
        assert project.run("dvc", "status", "--quiet").returncode == 1
        (project.folder / SOURCE).write_bytes(whole)
        project.ok("pipeline", "run")
        assert outputs(project) == before

    def test_a_new_category_and_then_without_it(self, project: Project) -> None:
        before, lock, whole = outputs(project), project.read("dvc.lock"), (project.folder / SOURCE).read_bytes()
        rows = table()
        rows.loc[9, "town"] = "Atlantis"
        put(project, rows, fetched=False)
        done = project.run("pipeline", "run")
        refused(done, "town", "1 violation of data/schema.yaml", "stage 'validate'", lines=2)
        assert "Running stage 'split'" not in done.stdout
        validated = lock[lock.index("  validate:") :]
        assert validated in project.read("dvc.lock"), "a stage that failed was recorded"
        (project.folder / SOURCE).write_bytes(whole)
        project.ok("pipeline", "run")
        assert outputs(project) == before


def on_a_tiny_disk(project: Project, folder: str, *command: str) -> Done:
    """Run a command with 4 kB of disk under a folder, whose content is printed after it, in a name space of its own.

    Skips where that is not allowed: it takes root, or user name spaces.
    """
    require("unshare")
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--user", "--map-root-user"]
    mount = f"mkdir -p {folder} && mount -t tmpfs -o size=4k tmpfs {folder}"
    if subprocess.run([*own, "sh", "-c", mount], cwd=project.folder, capture_output=True, check=False).returncode:
        missing("no right to mount a file system")
    script = f'{mount} && "$@"; status=$?; echo "left: $(ls -A {folder})"; exit $status'
    return project.run(*own, "sh", "-c", script, "sh", *command)


class TestAFullDisk:
    @pytest.mark.parametrize(
        ("name", "folder", "file"),
        [
            ("ingest", "data/raw", "data/raw/table.parquet"),
            ("split", "data/split", "data/split/train.parquet"),
            ("train", "models", "models/model.txt"),
            ("evaluate", "reports", "reports/scores.parquet"),
        ],
    )
    def test_a_stage_says_so_and_leaves_nothing_half_written(
        self, project: Project, name: str, folder: str, file: str
    ) -> None:
        before = outputs(project)
        done = on_a_tiny_disk(project, folder, *stage(name))
        refused(done, f"{file}: the disk is full; free some space and run again")
        assert done.stdout.splitlines()[-1] == "left: ", "something was left behind"
        assert outputs(project) == before

    def test_the_pipeline_goes_on_once_there_is_space(self, project: Project) -> None:
        before = outputs(project)
        project.configure(train={"num_leaves": 8})
        done = on_a_tiny_disk(project, "models", "pipeline", "run")
        refused(done, "models/model.txt: the disk is full", "stage 'train'", lines=2)
        assert done.stdout.splitlines()[-1] == "left: "
        project.configure(train={"num_leaves": 31})
        said = project.ok("pipeline", "run")
        assert "Running stage 'split'" not in said
        assert outputs(project) == before
