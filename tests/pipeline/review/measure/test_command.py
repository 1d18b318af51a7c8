"""`pipeline measure` in real projects: what it runs, what it writes, and its notes on what is missing."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from pipeline.core.params import Gate
from pipeline.evaluation import scoring
from pipeline.review.gate.measurement_verdict import judge
from pipeline.review.measure import measurement, model_tests
from pipeline.review.measure.measurement import Bundle, Measurement
from tests.pipeline.conftest import GATES, Project, small_project
from tests.pipeline.review.gate.scored_tables import evaluate, gate

pytestmark = pytest.mark.engine

# The project of these tests has no tests of its own, except where a test adds them.
ALL = set(measurement.FILES) - {"champion.parquet", "reference.parquet", "drift_main.json", "model_tests.json"}

MODEL_TESTS = """
from pathlib import Path

from pipeline.models.model import load


def test_the_model_has_features():
    assert load(Path("models")).signature.columns


def test_it_fails():
    assert False, "never good enough"
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A pull request on a base that never ran, measured; and what was printed."""
    project = small_project(tmp_path_factory.mktemp("first"), "binary")
    return project, project.ok("pipeline", "measure", "--run")


@pytest.fixture(scope="module")
def main(first: tuple[Project, str], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose main has a measured model."""
    project = copied(first[0], tmp_path_factory.mktemp("main"))
    project.commit("measured")
    return project


@pytest.fixture(scope="module")
def changed(main: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A pull request that changes a train parameter, measured; and what was printed."""
    project = branch(main, tmp_path_factory.mktemp("changed"))
    project.configure(train={"num_leaves": 7})
    project.commit("fewer leaves")
    return project, project.ok("pipeline", "measure", "--run", "--base", "main")


def copied(project: Project, folder: Path) -> Project:
    shutil.copytree(project.folder, folder / "copy", symlinks=True)
    return Project(folder / "copy")


def branch(project: Project, folder: Path) -> Project:
    """A copy with a branch of its own."""
    copy = copied(project, folder)
    copy.ok("git", "switch", "-qc", "change")
    return copy


def bundle(project: Project) -> Bundle:
    return measurement.read(project.folder / measurement.FOLDER)


def result(project: Project) -> Measurement:
    return bundle(project).measurement


def states(project: Project) -> dict[str, str]:
    return {stage.name: stage.state for stage in result(project).stages}


def present(project: Project) -> set[str]:
    return {path.name for path in (project.folder / measurement.FOLDER).iterdir()}


def forget_outputs(project: Project) -> None:
    """Remove what a fresh clone lacks."""
    for name in (".dvc/cache", ".dvc/tmp", ".pipeline", "data/raw", "data/split", "models", "reports"):
        shutil.rmtree(project.folder / name, ignore_errors=True)
    project.ok("git", "checkout", "-q", ".")


class TestFirstPullRequest:
    def test_it_is_measured_and_what_is_missing_is_noted(self, first: tuple[Project, str]) -> None:
        manifest = result(first[0])
        assert (manifest.outcome, manifest.base, manifest.data) == ("measured", "main", None)
        assert manifest.champion is not None
        assert manifest.champion.state == "none"
        assert "main has no dvc.lock yet: its pipeline never ran" in manifest.notes
        assert "no DVC remote: outputs stay in the Actions cache" in manifest.notes

    def test_all_files_are_there_and_no_folder_is_left_beside_them(self, first: tuple[Project, str]) -> None:
        assert present(first[0]) == ALL
        beside = [path.name for path in (first[0].folder / ".pipeline").iterdir()]
        assert [name for name in beside if name.startswith(".")] == []

    def test_the_stages_are_shown_while_they_run_and_kept_with_their_costs(self, first: tuple[Project, str]) -> None:
        project, printed = first
        assert "Running stage 'train'" in printed
        assert set(states(project).values()) == {"ran"}
        (train,) = [stage for stage in result(project).stages if stage.name == "train"]
        assert train.needs == ["features", "split"]
        assert train.rows is not None
        assert train.seconds is not None

    def test_the_commit_is_that_before_the_lock_was_written(self, first: tuple[Project, str]) -> None:
        project = first[0]
        assert result(project).head == project.ok("git", "rev-parse", "HEAD").strip()
        assert result(project).environment["device"] == "cpu"

    def test_it_can_be_judged_and_logs_nothing_to_mlflow(self, first: tuple[Project, str]) -> None:
        verdict = judge(bundle(first[0]), gate(floors={"roc_auc": 0.6}), evaluate(), [])
        assert verdict.verdict == "pass"
        assert not (first[0].folder / "mlflow.db").exists()


class TestChangedParameter:
    def test_the_projects_tests_of_the_model_are_run_and_a_failure_stops_nothing(
        self, changed: tuple[Project, str], tmp_path: Path
    ) -> None:
        project = copied(changed[0], tmp_path)
        tests = project.folder / model_tests.TESTS
        tests.mkdir(parents=True)
        (tests / "test_model.py").write_text(MODEL_TESTS)
        project.ok("pipeline", "measure")
        outcome = model_tests.parse(bundle(project).text(model_tests.FILE) or "")
        assert (outcome.state, outcome.passed, outcome.failed) == ("ended", 1, 1)
        assert outcome.failures[0].message == "AssertionError: never good enough"
        assert outcome.subject == model_tests.subject(project.folder)
        verdict = judge(bundle(project), gate(floors={"roc_auc": 0.6}), evaluate(), [])
        assert [rule.kind for rule in verdict.rules if rule.verdict == "fail"] == ["model_tests"]

    def test_only_what_depends_on_it_runs(self, changed: tuple[Project, str]) -> None:
        stages = states(changed[0])
        assert (stages["split"], stages["train"], stages["evaluate"]) == ("unchanged", "ran", "ran")

    def test_the_champion_is_scored_on_the_same_rows(self, changed: tuple[Project, str]) -> None:
        project = changed[0]
        manifest, folder = result(project), project.folder / measurement.FOLDER
        assert manifest.champion is not None
        assert (manifest.champion.state, manifest.champion.name) == ("scored", "main")
        assert manifest.champion.model in project.ok("git", "show", "main:dvc.lock")
        scores = [scoring.read(folder / name) for name in ("scores.parquet", "champion.parquet")]
        assert scores[0].keys.tolist() == scores[1].keys.tolist()
        assert abs(sum(gain.gain for gain in manifest.champion_gains) - 1) < 1e-3
        assert manifest.features_main is not None
        assert "since__days" in manifest.features_main

    def test_the_same_data_have_not_changed_and_are_not_compared_row_by_row(self, changed: tuple[Project, str]) -> None:
        data = result(changed[0]).data
        assert data is not None
        assert (data.rows_main, data.rows_here, data.added, data.removed, data.changed) == (1200, 1200, 0, 0, 0)
        assert bundle(changed[0]).json("drift_main.json")["same"] is True

    def test_the_laptop_measures_the_same_without_running_anything(
        self, changed: tuple[Project, str], tmp_path: Path
    ) -> None:
        project = copied(changed[0], tmp_path)
        before = (project.folder / measurement.FOLDER / "champion.parquet").read_bytes()
        printed = project.ok("pipeline", "measure")
        assert "Running stage" not in printed
        assert result(project).head is None  # the lock is not committed
        assert states(project)["split"] == "unchanged"
        assert (project.folder / measurement.FOLDER / "champion.parquet").read_bytes() == before

    @pytest.mark.parametrize("command", ["measure", "report", "gate"])
    def test_stale_outputs_are_not_judged(self, changed: tuple[Project, str], tmp_path: Path, command: str) -> None:
        project = copied(changed[0], tmp_path)
        project.configure(train={"num_leaves": 9})
        done = project.run("pipeline", command)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            "error: the model here was not made from this work tree (train: parameter train of params.yaml: modified "
            "and 2 more); run `make run` first\n"
        )

    @pytest.mark.parametrize("command", ["measure", "report", "gate", "run", "verify-lock"])
    @pytest.mark.parametrize("path", ["dvc.lock", "reports/metrics.json"])
    def test_a_conflict_is_named_with_the_way_out(
        self, changed: tuple[Project, str], tmp_path: Path, command: str, path: str
    ) -> None:
        project = copied(changed[0], tmp_path)
        content = project.read(path)
        (project.folder / path).write_text(f"<<<<<<< HEAD\n{content}=======\n{content}>>>>>>> main\n")
        done = project.run("pipeline", command)
        assert done.returncode == 2
        assert done.stderr == (
            f"error: {path}: line 1 begins a merge conflict; `git checkout --ours dvc.lock reports/metrics.json`, then "
            "`make run`, `git add dvc.lock reports/metrics.json` and commit (docs/how-to/merge-model-branches.md)\n"
        )

    def test_without_a_base_it_says_so(self, changed: tuple[Project, str], tmp_path: Path) -> None:
        project = copied(changed[0], tmp_path)
        project.ok("git", "branch", "-qD", "main")
        assert "the repository has no branch main" in project.ok("pipeline", "measure")
        assert result(project).base_commit is None

    def test_a_shallow_clone_says_how_to_get_the_base(self, changed: tuple[Project, str], tmp_path: Path) -> None:
        project = copied(changed[0], tmp_path)
        clone = ("git", "clone", "-q", "--depth", "1", "--branch", "change", f"file://{project.folder}", "shallow")
        project.ok(*clone)
        shutil.rmtree(project.folder / ".git")
        shutil.move(project.folder / "shallow/.git", project.folder / ".git")
        assert "git fetch" in project.ok("pipeline", "measure", "--base", "v1.0")
        manifest = result(project)
        assert manifest.champion is not None
        assert (manifest.champion.state, manifest.data) == ("missing", None)

    def test_a_mistyped_base_is_an_error(self, changed: tuple[Project, str]) -> None:
        done = changed[0].run("pipeline", "measure", "--base", "mian")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)

    def test_outside_a_repository_it_is_a_one_line_error(self, changed: tuple[Project, str], tmp_path: Path) -> None:
        project = copied(changed[0], tmp_path)
        shutil.rmtree(project.folder / ".git")
        done = project.run("pipeline", "measure")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "not a git repository" in done.stderr

    def test_with_a_reference_release_it_is_compared_with_both(
        self, changed: tuple[Project, str], tmp_path: Path
    ) -> None:
        project = copied(changed[0], tmp_path)
        project.ok("git", "tag", "v1", "main")
        project.configure(gate={"reference": "v1"})
        project.ok("pipeline", "measure")
        assert {"champion.parquet", "reference.parquet"} <= present(project)
        verdict = judge(
            bundle(project), Gate(**{**gate().model_dump(), **GATES["binary"], "reference": "v1"}), evaluate(), []
        )
        assert "reference" in {rule.kind for rule in verdict.rules}

    def test_a_release_that_git_does_not_know_is_a_note(self, changed: tuple[Project, str], tmp_path: Path) -> None:
        project = copied(changed[0], tmp_path)
        project.configure(gate={"reference": "v9"})
        assert "v9: git knows no such revision" in project.ok("pipeline", "measure")
        assert judge(bundle(project), gate(reference="v9"), evaluate(), []).verdict == "warn"


class TestUnchanged:
    @pytest.mark.parametrize("change", ["docs", "gate"])
    def test_a_change_that_affects_no_stage_runs_nothing(self, main: Project, tmp_path: Path, change: str) -> None:
        project = branch(main, tmp_path)
        forget_outputs(project)
        if change == "gate":
            project.configure(gate={"tolerance": 0.5})
        (project.folder / "README.md").write_text("more\n", encoding="utf-8")
        project.commit("no stage")
        printed = project.ok("pipeline", "measure", "--run", "--base", "main")
        assert "dvc.lock is main's and fits: nothing to run" in printed
        assert "stage" not in printed
        assert result(project).outcome == "unchanged"
        assert set(states(project).values()) == {"unchanged"}
        assert not (project.folder / "data/raw").exists()
        assert judge(bundle(project), gate(), evaluate(), []).verdict == "pass"

    def test_a_change_of_the_models_tests_runs_them_on_the_model_as_it_is(self, main: Project, tmp_path: Path) -> None:
        project = branch(main, tmp_path)
        forget_outputs(project)
        lock = project.read("dvc.lock")
        (project.folder / "tests/project/model").mkdir(parents=True)
        (project.folder / "tests/project/model/test_model.py").write_text(MODEL_TESTS, encoding="utf-8")
        project.commit("tests of the model")

        project.ok("pipeline", "measure", "--run", "--base", "main")

        assert result(project).outcome == "measured"
        outcome = model_tests.parse(bundle(project).text("model_tests.json") or "")
        assert (outcome.passed, outcome.failed) == (1, 1)
        assert project.read("dvc.lock") == lock

    def test_new_content_of_a_local_source_is_a_change(self, main: Project, tmp_path: Path) -> None:
        project = branch(main, tmp_path)
        table = pd.read_parquet(project.folder / "data/table.parquet")
        table.assign(age=-1).to_parquet(project.folder / "data/table.parquet", index=False)
        project.commit("data that nobody fetched")
        project.run("pipeline", "measure", "--run", "--base", "main")
        assert result(project).outcome != "unchanged"

    def test_a_project_that_never_ran_is_told_to_run(self, tmp_path: Path) -> None:
        project = small_project(tmp_path, "binary")
        done = project.run("pipeline", "measure")
        assert done.returncode == 2
        assert "run `make run` first" in done.stderr


def test_changed_data_are_compared_row_by_row_and_by_their_drift(main: Project, tmp_path: Path) -> None:
    project = branch(main, tmp_path)
    path = project.folder / "data/table.parquet"
    table = pd.read_parquet(path)
    more = table.iloc[:100].assign(id=range(5001, 5101), town="Paris")
    table = pd.concat([table.iloc[10:].assign(income=lambda rows: rows["income"] * 3), more])
    table.assign(height=[place / 2 for place in range(len(table))]).to_parquet(path, index=False)
    project.ok("pipeline", "fetch")
    project.ok("pipeline", "schema", "--force")
    project.commit("data")
    project.ok("pipeline", "measure", "--run", "--base", "main")
    data = result(project).data
    assert data is not None
    assert (data.rows_main, data.rows_here, data.added, data.removed) == (1200, 1290, 100, 10)
    assert data.changed is not None
    assert 900 < data.changed <= 1190
    assert [(column.name, column.main) for column in data.columns] == [("height", None)]
    assert [(change.column, change.added) for change in data.categories] == [("town", ["Paris"])]
    drift = bundle(project).json("drift_main.json")
    assert {column["column"] for column in drift["columns"] if column["drifted"]} >= {"income"}


class TestFailure:
    def test_a_failed_stage_is_named_with_its_last_lines(self, main: Project, tmp_path: Path) -> None:
        project = branch(main, tmp_path)
        project.configure(features={"max_categories": 2})
        project.commit("fewer categories than there are")
        done = project.run("pipeline", "measure", "--run", "--base", "main")
        assert done.returncode == 1, done.stderr
        manifest = result(project)
        assert manifest.outcome == "failed"
        assert manifest.failure is not None
        assert manifest.failure.stage == "train"
        assert any("looks like an identifier" in line for line in manifest.failure.lines)
        assert len(manifest.failure.lines) <= 40
        assert "\x1b" not in "".join(manifest.failure.lines)
        assert {name: states(project)[name] for name in ("ingest", "train", "evaluate", "card")} == {
            "ingest": "unchanged",
            "train": "failed",
            "evaluate": "skipped",
            "card": "skipped",
        }
        assert "data_quality.json" in present(project)
        assert not {"scores.parquet", "metrics.json", "signature.json", "model_card.md"} & present(project)
        assert judge(bundle(project), gate(), evaluate(), []).verdict == "fail"

    def test_bad_parameters_are_a_failure_that_the_comment_can_show(self, main: Project, tmp_path: Path) -> None:
        project = branch(main, tmp_path)
        project.configure(train={"num_leafs": 3})
        done = project.run("pipeline", "measure", "--run", "--base", "main")
        assert done.returncode == 1
        failure = result(project).failure
        assert failure is not None
        assert failure.stage == "params"
        assert failure.lines == ["params.yaml: train.num_leafs: unknown key; did you mean num_leaves?"]

    def test_a_lock_with_merge_conflict_markers_is_a_failure(self, main: Project, tmp_path: Path) -> None:
        project = branch(main, tmp_path)
        lock = project.folder / "dvc.lock"
        lock.write_text("<<<<<<< HEAD\n" + lock.read_text(encoding="utf-8"), encoding="utf-8")
        done = project.run("pipeline", "measure", "--run", "--base", "main")
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        assert result(project).outcome == "failed"


class TestRebuild:
    def test_a_champion_whose_files_are_gone_is_trained_again_with_its_data(
        self, changed: tuple[Project, str], tmp_path: Path
    ) -> None:
        project = copied(changed[0], tmp_path)
        project.commit("lock")
        champion = project.folder / ".pipeline/champion"
        shutil.rmtree(champion)
        shutil.rmtree(project.folder / ".dvc/cache")
        project.ok("pipeline", "measure", "--rebuild", "--base", "main")
        manifest = result(project)
        assert manifest.champion is not None
        assert (manifest.champion.state, manifest.champion.reason) == ("scored", "")
        assert manifest.data is not None

    def test_a_base_that_can_not_be_built_is_a_note(self, changed: tuple[Project, str], tmp_path: Path) -> None:
        project = copied(changed[0], tmp_path)
        project.commit("lock")
        project.ok("git", "switch", "-q", "main")
        project.ok("git", "rm", "-q", "data/table.parquet")
        project.commit("the data are gone")
        project.ok("git", "switch", "-q", "change")
        shutil.rmtree(project.folder / ".pipeline/champion")
        shutil.rmtree(project.folder / ".dvc/cache")
        project.ok("pipeline", "measure", "--rebuild", "--base", "main")
        manifest = result(project)
        assert manifest.champion is not None
        assert manifest.champion.state == "missing"
        assert any("can't be trained again" in note for note in manifest.notes)


class TestRemote:
    def test_what_was_pushed_is_fetched_and_nothing_runs_again(
        self, changed: tuple[Project, str], tmp_path: Path
    ) -> None:
        project = copied(changed[0], tmp_path)
        project.commit("lock")
        url = {"DVC_REMOTE_URL": str(tmp_path / "remote")}
        project.ok("pipeline", "measure", "--run", "--push", "--base", "main", **url)
        assert result(project).notes == []
        forget_outputs(project)
        printed = project.ok("pipeline", "measure", "--run", "--no-rebuild", "--base", "main", **url)
        assert "Running stage" not in printed
        assert set(states(project).values()) <= {"unchanged", "cached"}
        assert "scores.parquet" in present(project)

    @pytest.mark.parametrize(
        ("url", "message"),
        [("http://someone:hunter22@127.0.0.1:9/store", "or can't be read"), ("/dev/null/x", "could not be read")],
    )
    def test_an_unreachable_remote_is_a_note_without_its_password(
        self, changed: tuple[Project, str], tmp_path: Path, url: str, message: str
    ) -> None:
        project = copied(changed[0], tmp_path)
        shutil.rmtree(project.folder / ".dvc/cache/files")
        (project.folder / "reports/model_card.md").unlink()  # what the remote is asked for
        done = project.run("pipeline", "measure", "--run", "--push", "--no-rebuild", DVC_REMOTE_URL=url)
        assert done.returncode == 0, done.stderr
        notes = " ".join(result(project).notes)
        assert message in notes
        assert "the DVC remote did not accept the outputs" in notes
        assert "hunter22" not in json.dumps(result(project).model_dump())
