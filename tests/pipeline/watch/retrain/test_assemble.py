"""Keys for rows that come without one, and rows of one key."""

import pytest

from pipeline.core.errors import PipelineError
from pipeline.data.contract.schema import ContractColumn
from pipeline.watch.retrain.assemble import key_of


def test_a_key_is_made_of_the_row_id_and_is_always_the_same() -> None:
    text, number = ContractColumn(type="text", nullable=False), ContractColumn(type="integer", nullable=False)

    assert key_of("r-1", text) == "r-1"
    assert key_of("r-1", number) == key_of("r-1", number) != key_of("r-2", number)
    assert 0 <= key_of("r-1", number) < 2**63


def test_keys_of_other_types_can_not_be_made_up() -> None:
    with pytest.raises(PipelineError, match=r"data\.key: holds date; .* give the labels the key's column"):
        key_of("r-1", ContractColumn(type="date", nullable=False))
