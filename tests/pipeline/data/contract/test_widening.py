"""The lines of the contract that people are offered: what they read back as, and for which columns there is one."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.core import params
from pipeline.data.contract import inference, schema, widening
from pipeline.data.contract.schema import ContractColumn, Schema
from pipeline.train.reproduce import retraining_problems
from tests.pipeline.conftest import Project, small_project


def read_back(line: str, folder: Path) -> dict[str, ContractColumn]:
    (folder / "schema.yaml").write_text(f"columns:\n  {line}\n", encoding="utf-8")
    return schema.read(folder / "schema.yaml").columns


@pytest.mark.parametrize(
    ("kind", "allowed", "new"),
    [
        ("category", ("Bergen", "Oslo"), ["Tromsø"]),
        ("category", ("1", "2"), ["null", "no", "", "3.0", "a: b", 'say "x"', "it's", "# c", "two\nlines", "a, b"]),
        ("text", ("x",), ["x" * 300, "a word " * 100]),
        ("integer", (0, 1), [2, -1]),
        ("number", (0.5, 1), [0.1]),
        ("boolean", (True,), [False]),
    ],
)
def test_the_line_takes_the_new_values_and_keeps_the_rest(
    kind: Any, allowed: tuple[Any, ...], new: list[Any], tmp_path: Path
) -> None:
    column = ContractColumn(type=kind, nullable=True, allowed=allowed)

    line = widening.allowing("the: column", column, new)

    assert "\n" not in line
    expected = column.model_copy(update={"allowed": tuple(sorted([*allowed, *new]))})
    assert read_back(line, tmp_path) == {"the: column": expected}


def test_more_values_than_a_contract_lists_open_the_column() -> None:
    column = ContractColumn(type="category", nullable=False, allowed=("a",))
    assert widening.allowing("town", column, map(str, range(50))) == "town: {type: category, nullable: false}"


CONTRACT = Schema(
    columns={
        "meter": ContractColumn(type="text", nullable=False, unique=True),
        "street": ContractColumn(type="text", nullable=False),
        "remark": ContractColumn(type="text", nullable=True),
        "salary": ContractColumn(type="number", nullable=False, min=0),
        "use": ContractColumn(type="number", nullable=False),
    }
)


def test_a_column_that_is_never_logged_and_required_is_named_with_the_line_that_frees_it() -> None:
    excluded = ("meter", "street", "remark", "use", "typo")
    lines = widening.unlogged(CONTRACT, excluded, ("salary",), ("meter", "use", None))
    assert [line.split(":")[0] for line in lines] == ["column street", "column salary"]
    assert "features.exclude names it" in lines[0]
    assert lines[0].endswith(" is street: {type: text, nullable: true}")
    assert "serve.log.omit names it" in lines[1]
    assert lines[1].endswith(" is salary: {type: number, nullable: true, min: 0}")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = small_project(tmp_path, "regression")
    monkeypatch.chdir(tmp_path)
    return project


@pytest.mark.engine
def test_the_commands_that_make_and_check_the_contract_say_what_blocks_retraining(project: Project) -> None:
    serve = {"log": {"folder": "x", "rotate_mb": 1.0, "keep": 2, "omit": ["age"]}}
    project.configure(features={"exclude": ["town"]}, serve=serve)
    project.ok("pipeline", "ingest", "--source=data/source.json", "--schema=data/schema.yaml", "--table=raw.parquet")
    check = ("pipeline", "validate", "--table", "raw.parquet", "--schema", "data/schema.yaml", "--report", "q.json")

    inferred = CliRunner().invoke(inference.command, [], catch_exceptions=False).output
    assert "schema: column town: features.exclude names it" in inferred
    assert "schema: column age: serve.log.omit names it" in inferred
    assert "validate: warning: column town: features.exclude names it" in project.ok(*check)
    knobs = params.read()
    assert retraining_problems(knobs) == []  # nobody retrains
    knobs = knobs.model_copy(update={"data": knobs.data.model_copy(update={"added": "store"})})
    assert [line.split(",")[0] for line in retraining_problems(knobs)] == ["column age: serve.log.omit names it"]

    path = Path("data/schema.yaml")
    path.write_text(path.read_text().replace("nullable: false, allowed", "nullable: true, allowed"))
    assert "warning" not in project.ok(*check)
