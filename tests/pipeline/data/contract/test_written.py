"""An inferred contract is read back as it was written, whatever its names and values are."""

import unicodedata
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.data.contract import inference, revision, schema
from pipeline.data.contract.schema import ContractColumn, Schema

TEXT = st.text(max_size=6) | st.text("ab :?,[]{}#&*!|>'\"%@`-.\n\t\x85\u2028~0179+e", max_size=6)
WRITTEN = "columns:\n  '  other': {type: date, nullable: true}\n"
BREAKING = ("Cc", "Zl", "Zp")  # characters that the readers let no name have


def can_be_name(text: str) -> bool:
    return bool(text.strip()) and not any(unicodedata.category(character) in BREAKING for character in text)


COLUMNS = st.dictionaries(TEXT.filter(can_be_name), st.lists(TEXT, min_size=1, max_size=4), min_size=1, max_size=3)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
@given(COLUMNS)
def test_a_contract_is_read_as_it_was_written(tmp_path: Path, columns: dict[str, list[str]]) -> None:
    lines = {
        name: ContractColumn(type="category", nullable=False, allowed=tuple(values)) for name, values in columns.items()
    }
    contract, path = Schema(columns=lines), tmp_path / "schema.yaml"
    path.write_text(inference.document(contract), encoding="utf-8")
    assert schema.read(path) == contract

    path.write_text(WRITTEN, encoding="utf-8")
    updated = revision.updated(WRITTEN, revision.changes(schema.read(path), contract))
    path.write_text(updated, encoding="utf-8")
    assert schema.read(path) == contract
