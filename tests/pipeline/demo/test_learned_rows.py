"""Where the served model has learned the rows that are sent, `pipeline simulate` says so."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from pipeline.demo import command, shifts


def answered(*_: Any) -> Any:
    yield "r-0"


@pytest.mark.parametrize(("refitted", "times"), [(object(), 1), (None, 0)])
def test_rows_that_the_served_model_learned_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refitted: Any, times: int
) -> None:
    model = SimpleNamespace(target="y", refitted=refitted)
    monkeypatch.setattr(command, "Service", lambda url: SimpleNamespace(release=lambda: "r1"))
    monkeypatch.setattr(command, "shifted", lambda *_: (model, pd.DataFrame({"y": [1]})))
    monkeypatch.setattr(command, "to_request_rows", lambda *_: [{}])
    monkeypatch.setattr(command, "send", answered)
    monkeypatch.setattr(shifts, "description", lambda name: "")
    result = CliRunner().invoke(command.command, ["--rows", "1", "--labels", str(tmp_path / "labels.csv")])
    assert result.exit_code == 0, result.output
    assert result.output.count("the model that serves was fitted again on all rows, these too") == times
