"""`pipeline simulate` against the real service."""

import csv
import json
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline import cli
from pipeline.core import parquet
from pipeline.core.errors import PipelineError
from pipeline.data.values.conversion import labels
from pipeline.demo.command import draw, labelled, shifted
from pipeline.models import signature
from pipeline.ship.release.golden import to_request_rows
from pipeline.ship.release.locked_model import TEST
from tests.pipeline.conftest import Project
from tests.pipeline.demo.conftest import logged, simulate, start_simulate
from tests.pipeline.ship.service.conftest import TIMEOUT, Server, serving

pytestmark = pytest.mark.engine


def nothing_logged(server: Server, before: int) -> bool:
    return len(server.logged(before + 1, seconds=0.5)) == before


def read_labels(path: Path) -> dict[str, str]:
    with path.open(newline="") as stream:
        return {row["id"]: row["label"] for row in csv.DictReader(stream)}


def test_rows_are_drawn_again_only_after_all_were_drawn() -> None:
    table = pd.DataFrame({"a": range(10)})
    drawn = draw(table, 25, seed=1).a.tolist()
    assert sorted(drawn[:10]) == sorted(drawn[10:20]) == list(range(10))
    assert drawn[:10] != drawn[10:20]
    assert drawn == draw(table, 25, seed=1).a.tolist()
    assert len(set(drawn[20:])) == 5


@pytest.mark.parametrize(
    ("truth", "texts"),
    [([1, 0], ["1", "0"]), ([True, False], ["true", "false"]), ([2.5, 3.0], ["2.5", "3"]), (["a", "b"], ["a", "b"])],
)
def test_labels_are_the_truth_in_the_logs_notation(truth: list[Any], texts: list[str]) -> None:
    assert labelled(["x-0", "y-0"], pd.Series(truth), 1.0, seed=0) == list(zip(["x-0", "y-0"], texts, strict=True))
    assert labelled(["x-0"], pd.Series(truth), 1.0, seed=0) == [("x-0", texts[0])]
    assert labelled(["x-0", "y-0"], pd.Series(truth), 0.0, seed=0) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda table: table.head(0), r"^data/split/test\.parquet: holds no row; remove it"),
        (lambda table: table.drop(columns="outcome"), r"^data/split/test\.parquet: lacks column outcome, the target"),
        (lambda table: table.drop(columns="town"), "^column town: the model needs it"),
        (lambda table: table.assign(age="text"), "^column age: the model was trained on a number, the table holds str"),
    ],
)
def test_damaged_held_out_rows_are_one_line(
    evaluated: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any, problem: str
) -> None:
    for folder in ("models", "reports"):
        (tmp_path / folder).symlink_to(evaluated.folder / folder)
    monkeypatch.chdir(tmp_path)
    parquet.write(Path(TEST), change(parquet.read(evaluated.folder / TEST)))
    with pytest.raises(PipelineError, match=problem):
        shifted("none", 10, 1.0, None, 0)


def test_every_held_out_row_is_logged_once_and_labelled_afterwards(
    evaluated: Project, served: Server, tmp_path: Path
) -> None:
    test, before = pd.read_parquet(evaluated.folder / "data/split/test.parquet"), len(served.logged(0))
    completed = simulate(evaluated, served, "--rows", str(len(test)), "--labels", str(tmp_path / "labels.csv"))
    assert completed.returncode == 0, completed.stderr
    assert "this is simulated traffic" in completed.stdout
    features = {row["id"]: row["features"] for row in logged(served, before, len(test))}
    later = read_labels(tmp_path / "labels.csv")
    assert features.keys() == later.keys()
    assert all(row_id.startswith("simulated-none-") for row_id in features)
    rows = to_request_rows(signature.read(evaluated.folder / "models/signature.json"), test)
    sent = sorted(json.dumps([row, truth]) for row, truth in zip(rows, labels(test.outcome), strict=True))
    assert sorted(json.dumps([row, later[row_id]]) for row_id, row in features.items()) == sent


def test_labels_of_a_second_run_are_appended_for_the_given_share_of_rows(
    evaluated: Project, served: Server, tmp_path: Path
) -> None:
    before, options = len(served.logged(0)), ["--rows", "300", "--labels", str(tmp_path / "labels.csv")]
    assert simulate(evaluated, served, *options).returncode == 0
    completed = simulate(evaluated, served, *options, "--labelled", "0.5", "--shift", "broken_feature")
    assert completed.returncode == 0, completed.stderr
    assert "shift broken_feature, strength 1: An upstream job loses a column" in completed.stdout
    later, lines = read_labels(tmp_path / "labels.csv"), logged(served, before, 600)
    assert 400 < len(later) < 500
    assert sum("broken_feature" in row_id for row_id in later) == len(later) - 300
    assert later.keys() < {row["id"] for row in lines}
    broken = [row["features"] for row in lines if "broken_feature" in row["id"]]
    assert sum(len({str(row[name]) for row in broken}) == 1 for name in ("income", "age", "town")) == 1


def test_a_new_category_is_flagged_by_the_service(evaluated: Project, served: Server, tmp_path: Path) -> None:
    before, none = len(served.logged(0)), ("--labelled", "0", "--labels", str(tmp_path / "labels.csv"))
    completed = simulate(evaluated, served, "--shift", "new_category", "--rows", "100", *none)
    assert completed.returncode == 0, completed.stderr
    flagged = [row for row in logged(served, before, 100) if "unseen" in row.get("flags", {})]
    assert {row["features"]["town"] for row in flagged} == {"simulated"}
    assert 10 < len(flagged) < 60
    assert not (tmp_path / "labels.csv").exists()


@pytest.mark.parametrize(
    ("content", "shift", "message"),
    [
        ("id,label\n", "recession", "recession: no such shift; allowed: none, "),
        ("client,truth\n", "none", "labels.csv: does not begin with id,label"),
    ],
)
def test_a_bad_option_or_file_is_one_line_before_any_traffic(
    evaluated: Project, served: Server, tmp_path: Path, content: str, shift: str, message: str
) -> None:
    before, path = len(served.logged(0)), tmp_path / "labels.csv"
    path.write_text(content)
    completed = simulate(evaluated, served, "--shift", shift, "--labels", str(path))
    assert completed.returncode == 2
    (line,) = completed.stderr.splitlines()
    assert message in line
    assert path.read_text() == content
    assert nothing_logged(served, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_writes_the_labels_of_the_answered_rows(
    evaluated: Project, served: Server, tmp_path: Path, number: signal.Signals
) -> None:
    before, path = len(served.logged(0)), tmp_path / "labels.csv"
    process = start_simulate(evaluated, served, "--rows", "5000", "--rate", "100", "--labels", str(path))
    try:
        logged(served, before, 20)
        process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in out + err
    while not nothing_logged(served, len(served.logged(0))):  # rows in flight
        pass
    later, lines = read_labels(path), logged(served, before, 20)
    assert 0 < len(later) <= len(lines) < 5000
    assert f"{len(later):,} of 5,000 rows answered" in out
    assert later.keys() <= {row["id"] for row in lines}


def test_a_service_that_ends_meanwhile_is_one_line_and_the_labels_so_far_are_written(
    evaluated: Project, tmp_path: Path
) -> None:
    path = tmp_path / "labels.csv"
    with serving(evaluated.folder, tmp_path / "predictions") as server:
        process = start_simulate(evaluated, server, "--rows", "5000", "--rate", "100", "--labels", str(path))
        try:
            server.logged(20)
            server.process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
    assert process.returncode == 2
    assert err.splitlines()[-1].startswith(f"error: {server.url}: ")
    assert 0 < len(read_labels(path)) < 5000


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "--url=http://127.0.0.1:9",
            "http://127.0.0.1:9: no service responds; start it in another terminal: `make serve`",
        ),
        ("--shift=flood", "flood: no such shift; allowed: none, broken_feature"),
        ("--rows=0", "0 is not in the range"),
        ("--rate=0", "0.0 is not in the range"),
    ],
)
def test_a_missing_service_or_a_wrong_option_is_one_line(
    option: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["pipeline", "simulate", option])
    assert cli.run() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(tmp_path.iterdir())
