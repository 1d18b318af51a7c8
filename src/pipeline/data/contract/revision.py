"""The contract against one inferred from the data: what differs, and a revision that keeps what people wrote."""

import io
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.data.contract.schema import ContractColumn, Schema


@dataclass(frozen=True)
class Changes:
    """Columns that the contract lacks, those that the data lack, those whose lines differ (contract, inferred), and the
    contract's list of retired features, which no data can give."""

    added: Mapping[str, ContractColumn]
    gone: Mapping[str, ContractColumn]
    differ: Mapping[str, tuple[ContractColumn, ContractColumn]]
    retired: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The columns whose lines an update adds or drops."""
        return [*self.added, *self.gone]

    def lines(self, *, replaced: bool) -> Iterator[str]:
        """A line for each difference; `replaced`: whether the lines that differ are to be replaced as well."""
        for name, column in self.added.items():
            yield f"+ {name}: {_shown(column)}"
        for name, column in self.gone.items():
            yield f"- {name}: {_shown(column)}"
        if self.retired and replaced:
            yield f"- retired: {', '.join(self.retired)}"
        for name, (written, inferred) in self.differ.items():
            if replaced:
                yield f"- {name}: {_shown(written)}"
                yield f"+ {name}: {_shown(inferred)}"
            else:
                yield f"  {name}: {_shown(written)}   (kept; the data alone would give {_shown(inferred)})"


def changes(written: Schema, inferred: Schema) -> Changes:
    """How a contract differs from the inferred one."""
    return Changes(
        added={name: column for name, column in inferred.columns.items() if name not in written.columns},
        gone={name: column for name, column in written.columns.items() if name not in inferred.columns},
        differ={
            name: (column, inferred.columns[name])
            for name, column in written.columns.items()
            if name in inferred.columns and column != inferred.columns[name]
        },
        retired=written.retired,
    )


def updated(text: str, changed: Changes) -> str:
    """The text of a contract with columns added and dropped; comments and every other line stay."""
    from ruamel.yaml import YAML

    yaml, result = YAML(), io.StringIO()
    yaml.preserve_quotes, yaml.width = True, 10_000
    content = yaml.load(text)
    for name in changed.gone:
        del content["columns"][name]
    for name, column in changed.added.items():
        content["columns"][name] = line(column)
    yaml.dump(content, result)
    return result.getvalue()


def line(column: ContractColumn) -> Any:
    """A column's entry as YAML writes it, in one line."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    def written(value: Any) -> Any:
        """In quotes where the loader of `core.yaml` needs them within {...}, unlike this writer."""
        odd = isinstance(value, str) and not (value.isprintable() and set(value).isdisjoint(":?"))
        return DoubleQuotedScalarString(value) if odd else value

    entry = CommentedMap(column.model_dump(exclude_defaults=True))
    if column.allowed is not None:
        entry["allowed"] = CommentedSeq(map(written, column.allowed))
    entry.fa.set_flow_style()
    return entry


def text(name: str, column: ContractColumn) -> str:
    """A column's line of the contract, `name: {type: …}`, as YAML."""
    from ruamel.yaml import YAML

    yaml, result = YAML(), io.StringIO()
    yaml.width = sys.maxsize
    yaml.dump({name: line(column)}, result)
    return result.getvalue().rstrip("\n")


def _shown(column: ContractColumn) -> str:
    parts = column.model_dump(exclude_defaults=True).items()
    return ", ".join(f"{name} {list(value) if isinstance(value, tuple) else value}" for name, value in parts)
