"""What each column of a table is: its kind, how many values, whether it names rows, groups, moments or nothing."""

import re
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from pipeline.data.contract import inference
from pipeline.data.values.conversion import labels

Kind = Literal["integer", "number", "boolean", "category", "text", "date"]
# Names, cut at signs and capitals, that say who or what a row is about, or what law and good practice protect.
IDENTIFIES = {"id", "ids", "key", "uuid", "guid", "no", "nr", "number", "code", "index", "ref"}
PERSONS = {
    *("person", "patient", "customer", "client", "user", "member", "account", "household", "subject", "student"),
    *("employee", "device", "machine", "sensor", "store", "shop", "session", "visitor", "borrower", "driver"),
}
SENSITIVE = {
    *("sex", "gender", "age", "birth", "birthday", "birthdate", "dob", "race", "ethnicity", "ethnic", "religion"),
    *(
        "nationality",
        "citizenship",
        "marital",
        "married",
        "disability",
        "disabled",
        "orientation",
        "pregnant",
        "language",
    ),
    *("geschlecht", "alter", "genre", "sexe", "sexo", "edad"),
}
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
ENOUGH = 20  # different values; with fewer a column describes rows and names none
ROWS_PER_VALUE = 20  # of a column of text with many values, so that a model can learn from each


@dataclass(frozen=True)
class Column:
    """A column: its kind as the contract has it, its different values, its gaps, and its rows."""

    name: str
    kind: Kind
    distinct: int
    missing: int
    rows: int
    span: float = 0.0  # of whole numbers: the highest minus the lowest

    @property
    def present(self) -> int:
        return self.rows - self.missing

    @property
    def words(self) -> set[str]:
        """The words of its name, in lower case."""
        return {word.lower() for word in WORDS.findall(self.name)}

    @property
    def discrete(self) -> bool:
        """Whether its values are names, not amounts."""
        return self.kind in ("category", "text", "boolean")

    @property
    def unique(self) -> bool:
        """Whether no value occurs twice and none is missing: it can be a key. A float never is."""
        return self.distinct == self.rows and self.kind in ("integer", "text", "category")

    @property
    def useless(self) -> str | None:
        """Why no model can learn from it; None where it can."""
        if self.present == 0:
            return "is empty"
        if self.distinct == 1 and self.missing == 0:
            return "has one value in all rows"
        if self._numbers_rows:
            return f"is a whole number of which none occurs twice in {self.present:,} rows: it numbers them"
        if self.discrete and self.distinct > ENOUGH and 3 * self.distinct > self.present:
            return f"is text with {self.distinct:,} different values in {self.present:,} rows: it names them"
        if self.discrete and self.distinct > 100 and self.distinct * ROWS_PER_VALUE > self.present:
            share = self.present / self.distinct
            return f"is text with {self.distinct:,} different values, {share:.3g} rows each: too few to learn from"
        return None

    @property
    def _numbers_rows(self) -> bool:
        """Whether they are whole numbers of which none occurs twice, named like an identifier or next to each other."""
        if self.kind != "integer" or self.distinct < self.present or self.present < ENOUGH:
            return False
        return bool(self.words & IDENTIFIES) or self.span < 2 * self.present

    @property
    def amount(self) -> bool:
        """Whether they are whole numbers that hardly repeat and are an amount: the contract then says `number`."""
        rare = self.kind == "integer" and self.present >= ENOUGH and 2 * self.distinct > self.present
        return rare and not self._numbers_rows

    @property
    def groups(self) -> bool:
        """Whether it may name persons or things with several rows each."""
        if self.kind not in ("integer", "text", "category") or self.distinct < ENOUGH or self.unique:
            return False
        repeats = self.distinct * 1.2 < self.present
        named = bool(self.words & (IDENTIFIES | PERSONS))
        return repeats and (named if self.kind == "integer" else named or self.useless is not None)

    @property
    def sensitive(self) -> bool:
        return bool(self.words & SENSITIVE)


def describe(table: pd.DataFrame) -> list[Column]:
    """Each column of the table."""
    return [_describe(table[name]) for name in table.columns]


def _describe(values: "pd.Series[Any]") -> Column:
    kind: Any = inference.column(values, False).type
    span = float(values.max() - values.min()) if kind == "integer" and values.notna().any() else 0.0
    return Column(str(values.name), kind, int(values.nunique()), int(values.isna().sum()), len(values), span)


def classes(values: "pd.Series[Any]") -> dict[str, int]:
    """The target's values as text, each with its rows, most frequent first."""
    return {str(name): int(count) for name, count in labels(values.dropna()).value_counts().items()}
