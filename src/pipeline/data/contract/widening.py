"""Lines of the contract that take rows which it refuses, for people to review and put into data/schema.yaml."""

from collections.abc import Collection, Iterable, Sequence

from pipeline.data.contract import revision
from pipeline.data.contract.schema import MAX_LISTED, PATH, ContractColumn, Schema


def allowing(name: str, column: ContractColumn, values: Iterable[bool | int | float | str]) -> str:
    """The column's line with these values among the allowed ones; open to any value where that makes more than 50."""
    allowed = tuple(sorted({*(column.allowed or ()), *values}))
    return revision.text(name, column.model_copy(update={"allowed": allowed if len(allowed) <= MAX_LISTED else None}))


def unlogged(
    contract: Schema, excluded: Sequence[str], omitted: Sequence[str], roles: Collection[str | None]
) -> list[str]:
    """A sentence for each column that the prediction log may lack and the contract requires in every row.

    `excluded`: features.exclude; `omitted`: serve.log.omit; `roles`: key, target and time, which come from elsewhere.
    """
    sentences = []
    for names, key, why in (
        (excluded, "features.exclude", "a request may lack it"),  # a client may send it all the same
        (omitted, "serve.log.omit", "the prediction log has no value of it"),
    ):
        for name in names:
            column = contract.columns.get(name)
            if column is not None and not column.nullable and name not in roles:
                line = revision.text(name, column.model_copy(update={"nullable": True}))
                sentences.append(
                    f"column {name}: {key} names it, so {why}, and {PATH} requires one "
                    f"in every row: `pipeline retrain` can add no rows without it until its line there is {line}"
                )
    return sentences
