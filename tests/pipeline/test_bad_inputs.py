"""Bad inputs as users meet them: one clear line each, exit status 2, and no output that a later run would reuse.

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
Completed = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that ran once without errors."""
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
    """The files that stages have written, hidden ones too, and the lock: path and hash."""
    folders = ("data/raw", "data/split", "models", "reports")
    paths = [path for name in folders for path in (project.folder / name).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(project.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in [*paths, project.folder / "dvc.lock"]
    }


def assert_refused(completed: Completed, *parts: str, lines: int = 1) -> None:
    """Exit status 2, no traceback, `lines` lines of error that are no longer than a few lines of a terminal."""
    printed = completed.stdout + completed.stderr
    assert completed.returncode == 2, printed
    assert "Traceback" not in printed
    errors = [line for line in completed.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == lines, printed
    assert all(len(line) < 600 for line in errors)
    for part in parts:
        assert part in printed


def write_source(project: Project, table: pd.DataFrame, fetch: bool = True) -> None:
    """Replace the source by another table."""
    table.to_parquet(project.folder / SOURCE, index=False)
    if fetch:
        project.ok("pipeline", "fetch")


def use_source(project: Project, name: str, content: bytes) -> None:
    (project.folder / name).write_bytes(content)
    project.configure(data={"source": name})
    project.ok("pipeline", "fetch")


def table(**changes: Any) -> pd.DataFrame:
    return small_table("binary").assign(**changes)


def compressed() -> bytes:
    return gzip.compress(small_table("binary").to_csv(index=False).encode(), mtime=0)


class TestFilesThatAreRefusedAtTheStart:
    """By `pipeline ingest`: the raw table and all outputs of later stages stay as they were."""

    def ingest(self, project: Project, *parts: str) -> None:
        before = outputs(project)
        assert_refused(project.run(*stage("ingest")), *parts)
        assert outputs(project) == before

    def test_an_empty_table(self, project: Project) -> None:
        write_source(project, table().head(0))
        self.ingest(project, f"data.source: {SOURCE}: holds no row", "get the data again")

    def test_a_file_of_no_bytes(self, project: Project) -> None:
        use_source(project, "data/none.csv", b"")
        self.ingest(project, "data/none.csv: is empty (0 bytes)", "get the file again")

    def test_a_parquet_file_cut_in_the_middle(self, project: Project) -> None:
        whole = (project.folder / SOURCE).read_bytes()
        use_source(project, "data/cut.parquet", whole[: len(whole) // 2])
        self.ingest(
            project, "data/cut.parquet: can't be read as Parquet, it is cut off or damaged", "get the file again"
        )

    def test_a_compressed_file_cut_in_the_middle(self, project: Project) -> None:
        whole = compressed()
        use_source(project, "data/cut.csv.gz", whole[: len(whole) // 2])
        self.ingest(project, "data/cut.csv.gz: the compressed file is cut off", "get the file again")

    def test_a_duplicate_key(self, project: Project) -> None:
        rows = table()
        rows.loc[[6, 8], "id"] = 1
        write_source(project, rows)
        self.ingest(project, "data.key: id repeats in 3 rows (rows 1, 7, 9)", "set data.deduplicate: true")

    def test_a_source_that_changed_since_it_was_recorded(self, project: Project) -> None:
        write_source(project, table().head(500), fetch=False)
        self.ingest(project, f"{SOURCE}: is not the content that data/source.json records", "run `pipeline fetch`")

    def test_a_source_that_is_gone(self, project: Project) -> None:
        (project.folder / SOURCE).unlink()
        self.ingest(project, f"{SOURCE}: no such file", "restore it, or run `pipeline fetch`")


class TestDataThatBreaksItsContract:
    """By `pipeline validate`: a table of all violations, and one line; outputs of later stages stay as they were."""

    def validate(self, project: Project, changed: pd.DataFrame, *violations: tuple[str, str]) -> str:
        changed.to_parquet(project.folder / "data/raw/table.parquet", index=False)
        before = {name: digest for name, digest in outputs(project).items() if name != "reports/data_quality.json"}
        completed = project.run(*stage("validate"))
        count = "1 violation" if len(violations) == 1 else f"{len(violations)} violations"
        assert_refused(completed, f"{count} of data/schema.yaml", "correct the data, or the contract")
        rows = [line.split() for line in completed.stdout.splitlines() if "  " in line][1:]
        assert len(rows) == len(violations), completed.stdout
        for words, (column, expected) in zip(rows, violations, strict=True):
            assert column in words
            assert expected in " ".join(words)
        after = outputs(project)
        assert {name: after[name] for name in before} == before
        return completed.stdout + completed.stderr

    def unfit(self, project: Project, changed: pd.DataFrame, *problems: str) -> None:
        """The task does not fit the target: a line for each problem, and no word against the contract."""
        changed.to_parquet(project.folder / "data/raw/table.parquet", index=False)
        completed = project.run(*stage("validate"))
        assert_refused(completed, *problems, lines=len(problems))
        assert "contract" not in completed.stderr

    def test_one_class_only(self, project: Project) -> None:
        self.unfit(project, table(outcome="yes"), "target outcome: has one class only (yes)")

    def test_a_positive_class_that_never_occurs(self, project: Project) -> None:
        self.unfit(
            project,
            table(outcome="no"),
            "target outcome: has one class only (no)",
            "params.yaml: task.positive: is 'yes', which outcome never is: its rows hold no",
        )

    def test_a_target_column_that_is_missing(self, project: Project) -> None:
        self.validate(project, table().drop(columns="outcome"), ("outcome", "a column of this name"))

    def test_a_target_without_value_in_some_rows(self, project: Project) -> None:
        rows = table()
        rows.loc[[2, 4], "outcome"] = None
        self.validate(project, rows, ("outcome", "a value in every row 3, 5"))

    def test_a_constant_target_of_a_regression(self, project: Project) -> None:
        project.configure(task={"type": "regression", "target": "age", "positive": None}, gate=GATES["regression"])
        self.unfit(project, table(age=40), "target age: every row has the same value; there is nothing to learn")

    def test_a_column_without_any_value(self, project: Project) -> None:
        self.validate(project, table(age=np.nan), ("age", "a value in every row"))

    def test_a_new_category(self, project: Project) -> None:
        rows = table()
        rows.loc[[9, 19], "town"] = "Atlantis"
        printed = self.validate(project, rows, ("town", "Bergen, Oslo, Tromsø 10, 20"))
        assert "Atlantis" not in printed, "values are printed only on request"


class TestTablesThatNoModelCanLearnFrom:
    """By `pipeline train`: data that the contract allows and a model can't use; the model stays as it was."""

    def train(self, project: Project, changed: Callable[[pd.DataFrame], pd.DataFrame], *parts: str) -> None:
        path = project.folder / "data/split/train.parquet"
        changed(pd.read_parquet(path)).to_parquet(path, index=False)
        before = outputs(project)
        assert_refused(project.run(*stage("train")), *parts)
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

    def test_test_rows_of_one_class_are_refused(self, project: Project) -> None:
        path = project.folder / "data/split/test.parquet"
        pd.read_parquet(path).assign(outcome="no").to_parquet(path, index=False)
        before = outputs(project)
        assert_refused(
            project.run(*stage("evaluate")), "target outcome: all 235 test rows are of one class (no)", "split.test"
        )
        assert outputs(project) == before


class TestParametersThatAreRefusedBeforeAnyWork:
    def run(self, project: Project, *parts: str, lines: int = 1) -> None:
        before = outputs(project)
        completed = project.run("pipeline", "run")
        assert_refused(completed, *parts, lines=lines)
        assert "Running stage" not in completed.stdout
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
        assert_refused(project.run(*stage("train")), "params.yaml: train.num_leaves")
        assert outputs(project) == before

    def test_a_source_that_does_not_exist(self, project: Project) -> None:
        project.configure(data={"source": "data/nowhere.parquet"})
        messages = ("data.source: data/nowhere.parquet: can't be reached: no file is there", "folder of params.yaml")
        fingerprint = project.read("data/source.json")
        assert_refused(project.run("pipeline", "fetch"), *messages)
        assert project.read("data/source.json") == fingerprint
        self.run(project, *messages)

    def test_a_file_that_is_neither_csv_nor_parquet(self, project: Project) -> None:
        (project.folder / "data/table.xlsx").write_bytes(b"PK")
        project.configure(data={"source": "data/table.xlsx"})
        self.run(project, "data.source: data/table.xlsx: is neither CSV nor Parquet", ".csv.gz")


class TestThroughTheWholePipeline:
    """`pipeline run` on the bad input, then on the good one: the outputs are as before."""

    def test_a_cut_file_and_then_the_whole_one(self, project: Project) -> None:
        before, whole = outputs(project), (project.folder / SOURCE).read_bytes()
        (project.folder / SOURCE).write_bytes(whole[: len(whole) // 2])
        assert_refused(project.run("pipeline", "run"), f"{SOURCE}: can't be read as Parquet", "stage 'ingest'", lines=2)
        assert project.run("dvc", "status", "--quiet").returncode == 1
        (project.folder / SOURCE).write_bytes(whole)
        project.ok("pipeline", "run")
        assert outputs(project) == before

    def test_a_new_category_and_then_without_it(self, project: Project) -> None:
        before, lock, whole = outputs(project), project.read("dvc.lock"), (project.folder / SOURCE).read_bytes()
        rows = table()
        rows.loc[9, "town"] = "Atlantis"
        write_source(project, rows, fetch=False)
        completed = project.run("pipeline", "run")
        assert_refused(
            completed,
            "town",
            "1 violation of data/schema.yaml",
            "town: allowed, 1 row, expected ",
            "stage 'validate'",
            lines=2,
        )
        assert "Running stage 'split'" not in completed.stdout
        validated = lock[lock.index("  validate:") :]
        assert validated in project.read("dvc.lock"), "a stage that failed was recorded"
        (project.folder / SOURCE).write_bytes(whole)
        project.ok("pipeline", "run")
        assert outputs(project) == before


def on_a_tiny_disk(project: Project, folder: str, *command: str) -> Completed:
    """Run a command in a mount namespace in which a folder has 4 kB of disk; the folder's content is printed last.

    Skips where that is not allowed: it needs root or user namespaces.
    """
    require("unshare")
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--user", "--map-root-user"]
    mount = f"mkdir -p {folder} && mount -t tmpfs -o size=4k tmpfs {folder}"
    if subprocess.run([*unshare, "sh", "-c", mount], cwd=project.folder, capture_output=True, check=False).returncode:
        missing("no permission to mount a file system")
    script = f'{mount} && "$@"; status=$?; echo "left: $(ls -A {folder})"; exit $status'
    return project.run(*unshare, "sh", "-c", script, "sh", *command)


class TestAFullDisk:
    @pytest.mark.parametrize(
        ("name", "folder", "file"),
        [
            ("ingest", "data/raw", "data/raw/table.parquet"),
            ("split", "data/split", "data/split/train.parquet"),
            ("train", "models/measured", "models/measured/model.txt"),
            ("evaluate", "reports", "reports/scores.parquet"),
        ],
    )
    def test_a_stage_says_so_and_leaves_nothing_half_written(
        self, project: Project, name: str, folder: str, file: str
    ) -> None:
        before = outputs(project)
        completed = on_a_tiny_disk(project, folder, *stage(name))
        assert_refused(completed, f"{file}: the disk is full; free some space and run again")
        assert completed.stdout.splitlines()[-1] == "left: ", "something was left behind"
        assert outputs(project) == before

    def test_the_pipeline_goes_on_once_there_is_space(self, project: Project) -> None:
        before = outputs(project)
        project.configure(train={"num_leaves": 8})
        completed = on_a_tiny_disk(project, "models/measured", "pipeline", "run")
        assert_refused(completed, "models/measured/model.txt: the disk is full", "stage 'train'", lines=2)
        assert completed.stdout.splitlines()[-1] == "left: "
        project.configure(train={"num_leaves": 31})
        printed = project.ok("pipeline", "run")
        assert "Running stage 'split'" not in printed
        assert outputs(project) == before
