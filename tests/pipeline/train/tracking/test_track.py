"""Every run is logged to MLflow once: at once, or later where the tracking server is down."""

import hashlib
import json
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pipeline.core import files, params
from pipeline.core.errors import PipelineError
from pipeline.core.params import Split
from pipeline.models.boosting import lightgbm
from pipeline.models.signature import Feature, Signature
from pipeline.train.tracking import mlflow_runs
from pipeline.train.tracking import track as tracking
from tests.pipeline.conftest import FROZEN, ROOT


def write_run(number: int) -> str:
    """Write small versions of the outputs of `dvc repro` to the working folder; returns the MD5 of the lock."""
    random = np.random.default_rng(number)
    rows = random.normal(size=(200, 2))
    options = {"objective": "binary", "verbosity": -1, "num_leaves": 3}
    booster = lightgbm().train(options, lightgbm().Dataset(rows, rows[:, 0] > 0), 3)
    files.write_text(tracking.MODEL, booster.model_to_string())
    signature = Signature(
        task="binary",
        target="y",
        key=None,
        positive=1,
        classes=("0", "1"),
        threshold=0.5,
        quantile=0.5,
        features=tuple(Feature(name=n, source=n, kind="number", nullable=False) for n in ('odd "name" |', "b")),
        split=Split(test=0.2, validation=0.2, seed=0, time=None),
        device="cpu",
    )
    files.write_text(Path("models/signature.json"), signature.model_dump_json())
    metrics: dict[str, Any] = {
        "rows": 40,
        "roc_auc": {"value": 0.9, "lower": 0.8, "upper": None},
        "f1": dict.fromkeys(("value", "lower", "upper")),
    }
    metrics["per_class"] = {"a|b": {"rows": 3, "precision": None, "recall": 0.5, "f1": None}}
    files.write_json(Path("reports/metrics.json"), metrics)
    curve = [{"tree": tree, "validation": 1 / tree} for tree in range(1, 2501)]
    training = {"device": "cpu", "platform": "linux", "best_iteration": 3, "rows": {"train": 200, "validation": 90}}
    files.write_json(Path("reports/training.json"), training | {"loss": "binary_logloss", "curve": curve})
    files.write_text(Path("reports/model_card.md"), "# Card\n")
    files.write_json(
        Path("data/source.json"), {"source": "x.csv", "files": [{"path": "x.csv", "size": 3, "sha256": "ab"}]}
    )
    lock = f"outs:\n- md5: {hashlib.md5(tracking.MODEL.read_bytes()).hexdigest()}\n"  # noqa: S324 (DVC's)
    files.write_text(tracking.LOCK, lock)
    return hashlib.md5(lock.encode()).hexdigest()  # noqa: S324 (DVC's)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of MLflow without a run; making its tables takes seconds."""
    import mlflow

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def project(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run that is not yet in MLflow, which is a SQLite file in the folder."""
    monkeypatch.chdir(tmp_path)
    # MLflow keeps a connection for each address in a process: two tests must not share a relative one.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    shutil.copy(empty_store, tmp_path)
    shutil.copy(FROZEN / "params.yaml", tmp_path)
    write_run(1)
    return tmp_path


@pytest.fixture
def store(project: Path) -> Path:
    """Where the store will be; no file is there yet."""
    path = project / "mlflow.db"
    path.unlink()
    return path


@pytest.fixture
def closed_port() -> Iterator[str]:
    """An address, with a password in it, where no server listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield f"http://user:secret@127.0.0.1:{listener.getsockname()[1]}"


def runs() -> list[Any]:
    import mlflow

    mlflow.set_tracking_uri(tracking.tracking_uri())
    return list(mlflow.search_runs(search_all_experiments=True, output_format="list"))


def test_a_run_is_logged_once_with_all_that_describes_it(project: Path) -> None:
    assert tracking.pending()
    assert tracking.track()
    assert not tracking.pending()
    assert tracking.track()
    (run,) = runs()
    assert run.data.params["train.num_leaves"] == "31"
    assert run.data.params["gate.slices.min_rows"] == "200"
    assert run.data.metrics.pop("validation_binary_logloss") == pytest.approx(1 / 2500, rel=1e-3)
    by_class = {"per_class.a_b.rows": 3, "per_class.a_b.recall": 0.5}
    assert run.data.metrics == {"rows": 40, "roc_auc": 0.9, "roc_auc_lower": 0.8} | by_class
    assert run.data.tags["dvc_lock"] == hashlib.md5(tracking.LOCK.read_bytes()).hexdigest()  # noqa: S324 (DVC's)
    assert run.info.run_name == f"dvc.lock {run.data.tags['dvc_lock'][:8]}"  # there is no repository here
    assert run.info.status == "FINISHED"
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, len(data.dataset.digest)) == ("x.csv", 32)
    check_the_logged_model(run)
    assert (Path(run.info.artifact_uri.removeprefix("file://")) / "reports/model_card.md").read_text() == "# Card\n"
    check_a_lost_marker(run)


@pytest.mark.parametrize("existing", [None, {}, {"mlflow.experimentKind": "genai_development"}])
def test_the_experiment_is_of_the_kind_that_trains_models(project: Path, existing: dict[str, str] | None) -> None:
    """An existing kind stays."""
    import mlflow

    mlflow.set_tracking_uri(tracking.tracking_uri())
    name = str(params.read().tracking.experiment)
    if existing is not None:
        mlflow.create_experiment(name, tags=existing)
    assert tracking.track()
    expected = (existing or {}).get("mlflow.experimentKind", "custom_model_development")
    (experiment,) = [item for item in mlflow.search_experiments() if item.name == name]
    assert experiment.tags["mlflow.experimentKind"] == expected


def test_a_run_is_named_by_branch_and_commit(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_HEAD_REF", "GITHUB_REF_NAME"):
        monkeypatch.delenv(name, raising=False)

    def git(*arguments: str) -> str:
        author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        result = subprocess.run(["git", *author, *arguments], check=True, capture_output=True, text=True)
        return result.stdout.strip()

    lock = tracking._lock_hash()
    assert logged_name() == f"dvc.lock {lock[:8]}"
    git("init", "--quiet", "--initial-branch=deeper-trees")
    git("add", "params.yaml")
    git("commit", "--quiet", "--message=first")
    assert logged_name() == f"deeper-trees · {git('rev-parse', 'HEAD')[:7]} (changed)"
    git("add", "--all")
    git("commit", "--quiet", "--message=second")
    commit = git("rev-parse", "HEAD")[:7]
    assert logged_name() == f"deeper-trees · {commit}"
    git("checkout", "--quiet", "--detach")
    assert logged_name() == f"no branch · {commit}"
    monkeypatch.setenv("GITHUB_REF_NAME", "main")
    assert logged_name() == f"main · {commit}"


def logged_name() -> str:
    """The name of the current run; its copy is removed again, so that the work tree is as before."""
    folder = tracking.keep()
    name = str(files.read_json(folder / "run.json")["name"])
    shutil.rmtree(tracking.MARKER.parent)
    return name


def check_the_logged_model(run: Any) -> None:
    """The model that MLflow loads, with its signature, gives the same scores as the file."""
    import mlflow

    (output,) = run.outputs.model_outputs
    loaded = mlflow.pyfunc.load_model(f"models:/{output.model_id}")
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(5, 2)), columns=['odd "name" |', "b"])
    expected = lightgbm().Booster(model_file=str(tracking.MODEL)).predict(table.to_numpy())
    np.testing.assert_allclose(loaded.predict(table), expected)


def check_a_lost_marker(run: Any) -> None:
    """Without the marker (a fresh clone) MLflow is asked, and the run is not logged twice."""
    tracking.MARKER.unlink()
    assert tracking.pending()
    assert tracking.track()
    assert [logged.info.run_id for logged in runs()] == [run.info.run_id]


def test_a_server_that_is_down_loses_no_run(
    project: Path, closed_port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = tracking._lock_hash()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", closed_port)
    assert not tracking.track()
    message = capsys.readouterr().err
    assert "can't be reached" in message
    assert "`pipeline track` logs it later" in message
    assert "secret" not in message
    second = write_run(2)  # a newer run comes in meanwhile
    assert CliRunner().invoke(tracking.command).exit_code == 2
    assert {path.name for path in tracking.WAITING.iterdir()} == {first, second}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{Path.cwd()}/mlflow.db")
    assert CliRunner().invoke(tracking.command).exit_code == 0
    assert {run.data.tags["dvc_lock"] for run in runs()} == {first, second}
    assert list(tracking.WAITING.iterdir()) == []
    assert "logged already" in CliRunner().invoke(tracking.command).output


def test_a_model_that_the_lock_does_not_name_is_not_logged(project: Path) -> None:
    tracking.MODEL.write_text("another")
    with pytest.raises(PipelineError, match=r"is not the model that dvc\.lock names"):
        tracking.track()
    assert not tracking.WAITING.exists()


@pytest.mark.parametrize("content", ["", "7", "{}", '{"time": "now"}'])
def test_a_damaged_copy_of_a_run_is_named_with_the_way_out(project: Path, content: str) -> None:
    path = tracking.keep() / "run.json"
    path.write_text(content)
    with pytest.raises(PipelineError, match=rf"^{path}: .*remove"):
        tracking.track()


@pytest.mark.parametrize(
    ("name", "key"),
    [("reports/metrics.json", "roc_auc"), ("reports/training.json", "curve"), ("data/source.json", "files")],
)
def test_a_damaged_report_is_named_with_the_way_out(project: Path, name: str, key: str) -> None:
    path = project / name
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: 7}))
    with pytest.raises(PipelineError, match=rf"^{name}: {key}: Input should be .*; remove it and run `"):
        tracking.keep()


def test_without_a_run_there_is_nothing_pending_and_the_command_says_so(project: Path) -> None:
    tracking.LOCK.unlink()
    assert not tracking.pending()
    with pytest.raises(PipelineError, match="no run to log"):
        CliRunner().invoke(tracking.command, catch_exceptions=False)


def test_without_a_model_the_command_names_the_file_that_is_missing(project: Path) -> None:
    (project / "models/model.txt").unlink()

    result = CliRunner().invoke(tracking.command)

    assert isinstance(result.exception, PipelineError)
    assert str(result.exception) == "models/model.txt: no such file, so there is no run to log; `make run` makes one"
    assert CliRunner().invoke(tracking.command, ["--if-pending"]).exit_code == 0


def test_a_damaged_marker_is_ignored(project: Path) -> None:
    files.write_text(tracking.MARKER, "{")
    assert tracking.pending()
    files.write_text(tracking.MARKER, json.dumps({}))
    assert tracking.pending()


@pytest.mark.parametrize("uri", ["nothing+here://host/base", "mysql+nodriver://user:secret@host/base"])
def test_a_store_without_its_driver_is_an_error_of_one_line(
    project: Path, uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert not tracking.track()
    message = capsys.readouterr().err
    assert "the run is kept" in message
    assert message.count("\n") == 1
    assert "secret" not in message
    problem = mlflow_runs.log_trials(uri, "x", "study", [])
    assert problem
    assert "\n" not in problem + uri


def test_a_file_that_is_no_database_is_an_error_of_one_line(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.write_text("no database" * 1000)
    assert not tracking.track()
    message = capsys.readouterr().err
    assert message.startswith(f"MLflow store sqlite:///{store} can't be used (")
    assert message.count("\n") == 1
    assert store.is_file()  # it was there before


def test_an_incomplete_database_is_removed(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import mlflow.store.db.utils
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from sqlalchemy.exc import OperationalError

    def full(engine: Any) -> None:
        raise OperationalError("CREATE TABLE x", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(mlflow.store.db.utils, "_upgrade_db", full)
    assert not tracking.track()
    message = capsys.readouterr().err
    assert "disk is full" in message
    assert message.count("\n") == 1
    assert not list(store.parent.glob("mlflow.db*"))
    assert f"sqlite:///{store}" not in SqlAlchemyStore._engine_map  # it would write to the removed file


def test_an_incomplete_database_of_a_killed_run_is_to_be_removed_by_the_user(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(store)) as database:
        database.execute("CREATE TABLE traces (x INTEGER)")
        for name in ("registered_models", "model_versions", "trace_info", "experiment_tags", "datasets"):
            database.execute(f"CREATE TABLE {name} (x INTEGER)")
    assert not tracking.track()
    assert f"remove {store} and run `pipeline track`" in capsys.readouterr().err


def test_long_names_are_cut_and_all_names_differ() -> None:
    long = "c" * 300
    report = {"per_class": {"a|b": {"recall": 0.1}, "a/b": {"recall": 0.2}, "fine": {"recall": 0.3}, long: {"f1": 0.4}}}
    names = tracking.mlflow_names(tracking.flatten_metrics(report))
    assert sorted(names.values()) == [0.1, 0.2, 0.3, 0.4]
    assert names["per_class.fine.recall"] == 0.3
    assert max(map(len, names)) == 250


def test_a_refused_run_does_not_block_the_others(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(3)
    refused = tracking.keep()
    run = files.read_json(refused / "run.json")
    files.write_json(refused / "run.json", run | {"metrics": {"m" * 300: 1.0}})
    second = write_run(4)
    assert not tracking.track()
    message = capsys.readouterr().err
    assert f"{refused.name[:8]} was refused: " in message
    assert "can't be" not in message
    assert [path.name for path in tracking.WAITING.iterdir()] == [refused.name]
    logged = {run.data.tags["dvc_lock"] for run in runs() if run.info.status == "FINISHED"}
    assert second in logged
    assert refused.name not in logged


def test_a_full_disk_leaves_no_incomplete_copy_and_is_only_a_warning(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    assert not tracking.track()
    message = capsys.readouterr().err
    assert "No space left on device" in message
    assert message.count("\n") == 1
    assert list(tracking.WAITING.iterdir()) == []
    assert CliRunner().invoke(tracking.command).exit_code == 2


def test_the_ui_of_a_server_is_its_address() -> None:
    command = [
        "make",
        "--silent",
        "--old-file=setup",
        "ui",
        "MLFLOW_TRACKING_URI=http://user:secret@tracking.example:5000",
    ]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    assert output == "ui: the runs are at http://tracking.example:5000\n"
