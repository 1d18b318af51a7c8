"""Whoever writes the contract is told which columns the calendar moves."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner

from pipeline.data.contract import inference
from pipeline.data.source import sources
from pipeline.data.source import table as tables
from tests.pipeline.conftest import FROZEN


def test_parts_of_the_time_column_are_named_where_the_contract_is_inferred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (FROZEN / "params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("time: null", "time: day_of_sale"))
    days = pd.date_range("2024-01-01", periods=200)
    rows = {"day_of_sale": days.strftime("%Y-%m-%d"), "month": days.month, "price": days.dayofyear * 37 % 101}
    Path("data").mkdir()
    monkeypatch.setattr(sources, "read", lambda path: sources.Source.model_construct(files=()))
    monkeypatch.setattr(tables, "read", lambda *args: (pa.table(rows), ()))
    result = CliRunner().invoke(inference.command, ["--schema", "schema.yaml"], catch_exceptions=False)
    assert "schema: parts of day_of_sale, which drift by construction" in result.output
    assert "month (month)" in result.output
    assert "price" not in result.output
