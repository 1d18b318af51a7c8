"""Tables with unusual names and values go through the whole pipeline, or are refused in one line before training."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.models import signature
from pipeline.ship.release import golden
from pipeline.ship.service import predictor
from tests.pipeline.conftest import Project, small_project, small_table

pytestmark = pytest.mark.engine

ODD = {"income": 'income ("gross")', "town": "to\\wn", "age": "since__month"}


def unusual_table() -> pd.DataFrame:
    """The small table, where a number has the name of a date's part, names hold quotes and backslashes, the empty text
    is a category and a class, and a column has no value."""
    table = small_table("binary", rows=600).rename(columns=ODD)
    table["to\\wn"] = table["to\\wn"].replace("Oslo", "")
    table["outcome"] = table["outcome"].replace("no", "")
    return table.assign(empty=pd.Series([None] * len(table), dtype=object))


def use(project: Project, table: pd.DataFrame, **sections: dict[str, Any]) -> None:
    table.to_parquet(project.folder / "data/table.parquet", index=False)
    project.configure(**sections)
    project.ok("pipeline", "fetch")
    project.ok("pipeline", "schema", "--force")


def test_what_is_served_equals_what_was_scored_and_every_command_takes_the_names(tmp_path: Path) -> None:
    project = small_project(tmp_path, "binary")
    names = {"slices": ["to\\wn", "since__month"], "sensitive": ['income ("gross")']}
    use(project, unusual_table(), features={"exclude": ["empty"]}, evaluate=names)
    project.ok("dvc", "repro", "--quiet")
    served = predictor.load(project.folder)
    scored, table = golden.answers(project.folder)
    rows = golden.to_request_rows(served.signature, table)
    answer = served.predict(json.dumps({"rows": rows}).encode(), "r")
    scores = [one["score"] for one in json.loads(answer.content)["predictions"]]
    np.testing.assert_array_equal(scores, scored.score)
    assert signature.read(project.folder / "models/signature.json").classes == ("", "yes")
    assert 'income ("gross")' in project.read("reports/model_card.md")


@pytest.mark.parametrize(
    ("task", "change", "expected"),
    [
        ("regression", {"outcome": np.where(np.arange(600) % 2, 1e300, -1e300)}, "rows hold values beyond ±8.51e+37"),
        ("binary", {"row": np.arange(600)}, "column row: whole numbers of which none occurs twice in"),
        ("binary", {"empty": [None] * 600}, "column empty: has no value in any of the"),
        ("binary", {"raw": [b"ab"] * 600}, "column raw holds binary; write it"),
        ("binary", {"a\nb": np.arange(600) / 2}, "the name of column 8, 'a\\nb', holds a line break"),
    ],
)
def test_what_no_model_can_use_is_refused_in_one_line(
    tmp_path: Path, task: str, change: dict[str, Any], expected: str
) -> None:
    project = small_project(tmp_path, task)
    small_table(task, rows=600).assign(**change).to_parquet(project.folder / "data/table.parquet", index=False)
    project.ok("pipeline", "fetch")
    failed = project.run("pipeline", "schema", "--force")
    if failed.returncode == 0:
        failed = project.run("pipeline", "run")
    errors = [line for line in failed.stderr.splitlines() if line.startswith("error: ")]
    assert failed.returncode == 2
    assert expected in errors[0]
    assert "Traceback" not in failed.stderr
