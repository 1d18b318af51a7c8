"""Features: the project's feature code checked, fitted on the training rows and copied for the model."""

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pandas as pd

from pipeline.core import costs, params, parquet
from pipeline.data.contract import schema
from pipeline.features import checkout, fitting, in_tables, package, parity
from pipeline.features import code as codes
from pipeline.features.code import FeatureCode


@click.command("fit-features", short_help="Stage: the project's feature code, checked and fitted.")
@click.option("--train", "train_path", type=click.Path(path_type=Path), required=True, help="Training rows.")
@click.option("--schema", "schema_path", type=click.Path(path_type=Path), required=True, help="The data contract.")
@click.option("--features", "folder", type=click.Path(path_type=Path), required=True, help="Copy and state to write.")
@click.option("--folds", "folds_path", type=click.Path(path_type=Path), required=True, help="The folds' states.")
def command(train_path: Path, schema_path: Path, folder: Path, folds_path: Path) -> None:
    """Check the project's feature code, fit its state on the training rows, and copy both for the model."""
    data, task = params.section(params.Data), params.section(params.TaskSection)
    with costs.measured("features") as cost:
        contract = schema.read(schema_path)
        code = checkout.unfitted(contract, data, task, params.section(params.Features))
        warnings = list[str]()
        if code.plan.order:
            train = parquet.read(train_path)
            code = fitted(code, train, data.key)
            warnings = check(code, train)
            cost["rows"] = len(train)
        codes.write(code, folder, folds_path)
    for line in [*warnings, *summary(code)]:
        click.echo(f"features: {line}")


def fitted(code: FeatureCode, train: pd.DataFrame, key: str | None) -> FeatureCode:
    """The code with its states, by fold where a state depends on the target."""
    needed = {name: code.inputs[name] for name in fitting.columns_of_fits(code)}
    return fitting.fit(code, in_tables.arrays(train, needed), in_tables.folds_of(train, code, key))


def check(code: FeatureCode, train: pd.DataFrame) -> list[str]:
    """Parity on rows spread over the training rows, then every row by itself; warnings, a line each."""
    places = np.unique(np.linspace(0, len(train) - 1, parity.ROWS).astype(int))
    parity.check(code, in_tables.arrays(train.iloc[places], code.needed), len(places))
    rounded = set[str]()
    for start in range(0, len(train), in_tables.CHUNK):
        rows = train.iloc[start : start + in_tables.CHUNK]
        rounded |= parity.scan(code, in_tables.arrays(rows, code.needed), len(rows))
    return [
        f"warning: {name}: holds whole numbers beyond 2^24, which lose digits in float32; divide them by a constant"
        for name in sorted(rounded)
    ]


def summary(code: FeatureCode) -> Iterator[str]:
    """What was fitted and copied."""
    if not code.plan.order:
        yield f"none: {package.FOLDER}/ has no function"
        return
    fits = [function.name for function in code.plan.order if function.fit]
    state = f"; state of {', '.join(fits)}" if fits else ""
    folds = f" (out of {len(code.folds)} folds for the training rows)" if code.folds else ""
    yield f"{', '.join(code.features)}: each row's values depend on that row alone{state}{folds}"
