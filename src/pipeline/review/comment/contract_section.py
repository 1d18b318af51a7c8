"""What the pull request changes of the data contract: data that break main's may keep a looser one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.markup.markdown import Markdown, code, cut, escape, table
from pipeline.review.comment.facts import Facts
from pipeline.review.comment.group_tables import more
from pipeline.review.untrusted import yaml as untrusted_yaml

MAX_ROWS = 10
MAX_VALUES = 6
KEYS = ("type", "nullable", "unique", "allowed", "min", "max")
LOOSER, TIGHTER, OTHER = "⚠️ looser", "tighter", "other"


@dataclass(frozen=True)
class Change:
    """One key of a column's contract, in main and here, and which way it moved."""

    column: str
    key: str
    main: Any
    here: Any
    way: str


def contract(facts: Facts) -> str | None:
    """The changes of the contract, looser ones first; None where there are none or main's is unknown."""
    path = facts.bundle.path("schema.yaml")
    if not facts.context.main_schema or path is None:
        return None
    main, here = facts.context.main_schema, untrusted_yaml.read(path)
    differences = sorted(
        [*changes(main["columns"], here["columns"]), *retirements(main, here)],
        key=lambda change: change.way != LOOSER,
    )
    if not differences:
        return None
    rows = [
        (
            escape(change.way),
            code(cut(change.column)),
            change.key,
            _shown(change.main, change.here),
            _shown(change.here, change.main),
        )
        for change in differences[:MAX_ROWS]
    ]
    note = "The data were checked against this pull request’s contract, not main’s."
    head = ["", "column", "", "main", "this PR"]
    return (
        f"**The data contract changes**\n\n{table(head, rows)}{more(len(differences), MAX_ROWS)}\n\n<sub>{note}</sub>"
    )


def changes(main: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[Change]:
    """What differs between the columns of two contracts, in main's order, new columns last."""
    for name in dict.fromkeys([*main, *here]):
        before, after = main.get(name), here.get(name)
        if after is None or before is None:
            yield Change(str(name), "column", _type(before), _type(after), LOOSER if after is None else OTHER)
            continue
        for key in KEYS:
            absent = False if key in ("nullable", "unique") else None
            old, new = before.get(key, absent), after.get(key, absent)
            if old != new:
                yield Change(str(name), key, old, new, _way(key, old, new))


def retirements(main: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[Change]:
    """The names that came into the list of retired features, or went."""
    before, after = (contract.get("retired") or [] for contract in (main, here))
    for name in dict.fromkeys(map(str, [*before, *after])):
        if (name in before) != (name in after):
            yield Change(name, "retired", name in before, name in after, OTHER)


def _type(column: Mapping[str, Any] | None) -> Any:
    return None if column is None else column.get("type")


def _way(key: str, main: Any, here: Any) -> str:
    if key == "type":
        return OTHER
    if key == "nullable":
        return LOOSER if here else TIGHTER
    if here is None or (key == "unique" and not here):
        return LOOSER
    if main is None or key == "unique":
        return TIGHTER
    if key == "allowed":
        return LOOSER if set(here) - set(main) else TIGHTER
    return LOOSER if (here < main) == (key == "min") else TIGHTER


def _shown(value: Any, other: Any) -> Markdown:
    """A value of the contract; of a list of values what the other side lacks, in bold, and how many there are."""
    if not isinstance(value, list):
        return (
            Markdown("–")
            if value is None
            else escape(cut("yes" if value is True else "no" if value is False else value))
        )
    own = [item for item in value if not isinstance(other, list) or item not in other]
    named = ", ".join(f"<b>{escape(cut(item, 30))}</b>" for item in own[:MAX_VALUES])
    rest = f" and {len(own) - MAX_VALUES:,} more" if len(own) > MAX_VALUES else ""
    return Markdown(f"{len(value):,} values{': ' if named else ''}{named}{rest}")
