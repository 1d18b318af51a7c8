"""A contract that is there is never replaced unseen."""

import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from pipeline.core.errors import PipelineError
from pipeline.data.contract import inference, revision, schema
from pipeline.data.contract.schema import Schema
from pipeline.data.source import sources
from pipeline.data.source import table as tables
from tests.pipeline.conftest import FROZEN

WRITTEN = """# Ours.
columns:
  id: {type: integer, nullable: false, unique: true}
  gone: {type: text, nullable: true}
  town: {type: category, nullable: false, allowed: ['Oslo', "Bergen"]}  # since 2024
"""
INFERRED = Schema.model_validate(
    {
        "columns": {
            "id": {"type": "integer", "nullable": False, "unique": True},
            "town": {"type": "category", "nullable": False, "allowed": ("Bergen", "Oslo", "Rome")},
            "new": {"type": "number", "nullable": False, "min": 0},
        }
    }
)


@pytest.fixture
def changed(tmp_path: Path) -> revision.Changes:
    (tmp_path / "schema.yaml").write_text(WRITTEN)
    return revision.changes(schema.read(tmp_path / "schema.yaml"), INFERRED)


def test_each_difference_is_a_line(changed: revision.Changes) -> None:
    assert list(changed.lines(replaced=False)) == [
        "+ new: type number, nullable False, min 0",
        "- gone: type text, nullable True",
        "  town: type category, nullable False, allowed ['Oslo', 'Bergen']   (kept; the data alone would give type "
        "category, nullable False, allowed ['Bergen', 'Oslo', 'Rome'])",
    ]
    assert [line[:6] for line in changed.lines(replaced=True)] == ["+ new:", "- gone", "- town", "+ town"]


def test_an_update_keeps_what_people_wrote(changed: revision.Changes) -> None:
    kept = WRITTEN.replace("  gone: {type: text, nullable: true}\n", "")
    assert revision.updated(WRITTEN, changed) == kept + "  new: {type: number, nullable: false, min: 0}\n"


def test_an_update_keeps_the_list_of_retired_features_and_only_force_drops_it(tmp_path: Path) -> None:
    text = f"{WRITTEN}retired: [street]  # until May\n"
    (tmp_path / "schema.yaml").write_text(text)
    changed = revision.changes(schema.read(tmp_path / "schema.yaml"), INFERRED)
    assert revision.updated(text, changed).endswith("\nretired: [street]  # until May\n")
    assert "- retired: street" in changed.lines(replaced=True)
    assert not any("street" in line for line in changed.lines(replaced=False))


@pytest.mark.parametrize(
    ("options", "answer", "outcome"),
    [
        ([], None, "refused"),
        ([], "n", "kept"),
        ([], "y", "updated"),
        (["--update"], None, "updated"),
        (["--force"], None, "replaced"),
        (["--force"], "n", "kept"),
        (["--force"], "y", "replaced"),
    ],
)
def test_the_command_shows_asks_and_writes_what_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], answer: str | None, outcome: str
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(FROZEN / "params.yaml", "params.yaml")
    monkeypatch.setattr(tables, "read", lambda source, data: (pa.table({"id": [1], "new": [0.5]}), 0))
    monkeypatch.setattr(sources, "read", lambda path: sources.Source.model_construct(files=()))
    monkeypatch.setattr(inference, "_can_ask", lambda: answer is not None)
    Path("schema.yaml").write_text(WRITTEN)
    result = CliRunner().invoke(inference.command, [*options, "--schema", "schema.yaml"], input=answer)
    assert "+ new: type number, nullable False, min 0\n- gone: type text, nullable True\n" in result.output
    assert isinstance(result.exception, PipelineError) == (outcome == "refused")
    text = Path("schema.yaml").read_text()
    assert (text == WRITTEN) == (outcome in ("refused", "kept"))
    assert ("# Ours." in text) == (outcome != "replaced")
    assert ("new" in text) == (outcome in ("updated", "replaced"))


def test_a_contract_that_has_the_columns_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(FROZEN / "params.yaml", "params.yaml")
    table = pa.table({"id": [1], "gone": ["a"], "town": ["b"]})
    monkeypatch.setattr(tables, "read", lambda source, data: (table, 0))
    monkeypatch.setattr(sources, "read", lambda path: sources.Source.model_construct(files=()))
    Path("schema.yaml").write_text(WRITTEN)
    result = CliRunner().invoke(inference.command, ["--schema", "schema.yaml"], catch_exceptions=False)
    assert "stays as it is" in result.output
    assert Path("schema.yaml").read_text() == WRITTEN
