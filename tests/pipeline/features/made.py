"""Feature code from text, on small columns."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.features import code as codes
from pipeline.features import fitting, plan
from pipeline.features.code import FeatureCode
from pipeline.features.package import Package
from pipeline.features.values import Input

PLACE = "src/project/features"
INPUTS = {
    "amount": Input("number", nullable=True),
    "limit": Input("number", nullable=False),
    "city": Input("text", nullable=True),
    "member": Input("boolean", nullable=False),
    "since": Input("date", nullable=True),
    "BILL AMT": Input("number", nullable=False),
    "target": Input("number", nullable=False),
}
NAMES = plan.Names([*INPUTS, "key"], "target", "key")
ROWS = 40


def package(source: str = "", **files: str | bytes) -> Package:
    """A package of `source` as money.py, and of more files by their name with _ for the dot."""
    named = {name.replace("_py", ".py").replace("_json", ".json"): content for name, content in files.items()}
    texts = {"__init__.py": "", **({"money.py": source} if source else {}), **named}
    return Package(
        PLACE,
        {
            name: text if isinstance(text, bytes) else textwrap.dedent(text).lstrip("\n").encode()
            for name, text in texts.items()
        },
    )


def code(source: str = "", off: Any = (), **files: str | bytes) -> FeatureCode:
    made = package(source, **files)
    return FeatureCode(made, plan.make(made, NAMES, off), INPUTS)


def columns(rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
    """Columns of `rows` rows, some with missing values; read-only as functions get them."""
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {
        "amount": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(100, 30, rows)),
        "limit": rng.integers(0, 9, rows).astype(float),
        "city": rng.choice(np.array(["Rome", "Oslo", None], dtype=object), rows),
        "member": rng.random(rows) < 0.5,
        "since": np.datetime64("2020-01-01", "us") + rng.integers(0, 10**6, rows).astype("timedelta64[m]"),
        "BILL AMT": rng.random(rows),
        "target": (rng.random(rows) < 0.5).astype(float),
    }
    for column in values.values():
        column.flags.writeable = False
    return values


def fitted(source: str, folds: Any = None, **files: str | bytes) -> FeatureCode:
    return fitting.fit(code(source, **files), columns(), folds)


def values(made: FeatureCode, data: Mapping[str, Any] | None = None, fold: int = -1) -> dict[Any, Any]:
    data = data or columns()
    return made.compute(data, len(data["limit"]), fold)


def no_features(folder: Path) -> list[str]:
    """The options of a stage of a project without feature code, whose files are written to `folder`."""
    codes.write(code(), folder / "features", folder / "folds.json")
    return ["--features", str(folder / "features"), "--folds", str(folder / "folds.json")]
