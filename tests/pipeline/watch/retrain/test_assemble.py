"""Keys for rows that have none in the labels."""

import pytest

from pipeline.core.errors import PipelineError
from pipeline.data.contract.schema import ContractColumn
from pipeline.watch.retrain.assemble import derive_key


def test_a_key_is_derived_from_the_row_id_and_is_always_the_same() -> None:
    text, number = ContractColumn(type="text", nullable=False), ContractColumn(type="integer", nullable=False)

    assert derive_key("r-1", text) == "r-1"
    assert derive_key("r-1", number) == derive_key("r-1", number) != derive_key("r-2", number)
    assert 0 <= derive_key("r-1", number) < 2**63


def test_keys_of_other_types_can_not_be_derived() -> None:
    with pytest.raises(PipelineError, match=r"data\.key: is a column of type date, .* add the key's column"):
        derive_key("r-1", ContractColumn(type="date", nullable=False))
