"""`pipeline simulate` against the real service."""

import csv
import json
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline import cli
from pipeline.data.values.conversion import labels
from pipeline.demo.command import draw, labelled
from pipeline.models import signature
from pipeline.ship.release.golden import to_request_rows
from tests.pipeline.conftest import Project
from tests.pipeline.demo.conftest import arrived, begun, simulate
from tests.pipeline.ship.service.conftest import TIMEOUT, Server, serving

pytestmark = pytest.mark.engine


def arrived_nothing(server: Server, before: int) -> bool:
    return len(server.logged(before + 1, seconds=0.5)) == before


def told(path: Path) -> dict[str, str]:
    with path.open(newline="") as stream:
        return {row["id"]: row["label"] for row in csv.DictReader(stream)}


def test_rows_are_drawn_again_only_when_all_have_come() -> None:
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
def test_labels_are_the_truth_as_the_log_writes_classes(truth: list[Any], texts: list[str]) -> None:
    assert labelled(["x-0", "y-0"], pd.Series(truth), 1.0, seed=0) == list(zip(["x-0", "y-0"], texts, strict=True))
    assert labelled(["x-0"], pd.Series(truth), 1.0, seed=0) == [("x-0", texts[0])]
    assert labelled(["x-0", "y-0"], pd.Series(truth), 0.0, seed=0) == []


def test_every_held_out_row_is_logged_once_and_its_truth_comes_later(
    judged: Project, served: Server, tmp_path: Path
) -> None:
    test, before = pd.read_parquet(judged.folder / "data/split/test.parquet"), len(served.logged(0))
    done = simulate(judged, served, "--rows", str(len(test)), "--labels", str(tmp_path / "labels.csv"))
    assert done.returncode == 0, done.stderr
    assert "this is simulated traffic" in done.stdout
    logged = {row["id"]: row["features"] for row in arrived(served, before, len(test))}
    later = told(tmp_path / "labels.csv")
    assert logged.keys() == later.keys()
    assert all(one.startswith("simulated-none-") for one in logged)
    rows = to_request_rows(signature.read(judged.folder / "models/signature.json"), test)
    sent = sorted(json.dumps([row, truth]) for row, truth in zip(rows, labels(test.outcome), strict=True))
    assert sorted(json.dumps([features, later[one]]) for one, features in logged.items()) == sent


def test_labels_of_a_second_run_are_added_and_a_share_is_a_share(
    judged: Project, served: Server, tmp_path: Path
) -> None:
    before, options = len(served.logged(0)), ["--rows", "300", "--labels", str(tmp_path / "labels.csv")]
    assert simulate(judged, served, *options).returncode == 0
    done = simulate(judged, served, *options, "--labelled", "0.5", "--shift", "broken_feature")
    assert done.returncode == 0, done.stderr
    assert "shift broken_feature, strength 1: An upstream job loses a column" in done.stdout
    later, lines = told(tmp_path / "labels.csv"), arrived(served, before, 600)
    assert 400 < len(later) < 500
    assert sum("broken_feature" in one for one in later) == len(later) - 300
    assert later.keys() < {row["id"] for row in lines}
    broken = [row["features"] for row in lines if "broken_feature" in row["id"]]
    assert sum(len({str(row[name]) for row in broken}) == 1 for name in ("income", "age", "town")) == 1


def test_a_new_category_is_flagged_by_the_service(judged: Project, served: Server, tmp_path: Path) -> None:
    before, none = len(served.logged(0)), ("--labelled", "0", "--labels", str(tmp_path / "labels.csv"))
    done = simulate(judged, served, "--shift", "new_category", "--rows", "100", *none)
    assert done.returncode == 0, done.stderr
    flagged = [row for row in arrived(served, before, 100) if "unseen" in row.get("flags", {})]
    assert {row["features"]["town"] for row in flagged} == {"simulated"}
    assert 10 < len(flagged) < 60
    assert not (tmp_path / "labels.csv").exists()


@pytest.mark.parametrize(
    ("content", "shift", "said"),
    [
        ("id,label\n", "recession", "recession: no such shift; allowed: none, "),
        ("client,truth\n", "none", "labels.csv: does not begin with id,label"),
    ],
)
def test_what_can_not_be_is_one_line_before_any_traffic(
    judged: Project, served: Server, tmp_path: Path, content: str, shift: str, said: str
) -> None:
    before, path = len(served.logged(0)), tmp_path / "labels.csv"
    path.write_text(content)
    done = simulate(judged, served, "--shift", shift, "--labels", str(path))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said in line
    assert path.read_text() == content
    assert arrived_nothing(served, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_with_the_labels_of_what_was_answered(
    judged: Project, served: Server, tmp_path: Path, number: signal.Signals
) -> None:
    before, path = len(served.logged(0)), tmp_path / "labels.csv"
    process = begun(judged, served, "--rows", "5000", "--rate", "100", "--labels", str(path))
    try:
        arrived(served, before, 20)
        process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in out + err
    while not arrived_nothing(served, len(served.logged(0))):  # rows that were under way
        pass
    later, lines = told(path), arrived(served, before, 20)
    assert 0 < len(later) <= len(lines) < 5000
    assert f"{len(later):,} of 5,000 rows answered" in out
    assert later.keys() <= {row["id"] for row in lines}


def test_a_service_that_ends_meanwhile_is_one_line_and_the_labels_so_far(judged: Project, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    with serving(judged.folder, tmp_path / "predictions") as own:
        process = begun(judged, own, "--rows", "5000", "--rate", "100", "--labels", str(path))
        try:
            own.logged(20)
            own.process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
    assert process.returncode == 2
    assert err.splitlines()[-1].startswith(f"error: {own.url}: ")
    assert 0 < len(told(path)) < 5000


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            "--url=http://127.0.0.1:9",
            "http://127.0.0.1:9: no service answers; start it in another terminal: `make serve`",
        ),
        ("--shift=flood", "flood: no such shift; allowed: none, broken_feature"),
        ("--rows=0", "0 is not in the range"),
        ("--rate=0", "0.0 is not in the range"),
    ],
)
def test_a_missing_service_or_a_wrong_option_is_one_line(
    option: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["pipeline", "simulate", option])
    assert cli.run() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not list(tmp_path.iterdir())
