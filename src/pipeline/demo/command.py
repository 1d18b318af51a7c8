"""`pipeline simulate`: held-out rows as traffic for a running service, plain or shifted, and their labels."""

import secrets
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from pipeline.core import parquet, report_shapes
from pipeline.core.errors import PipelineError
from pipeline.data.values import conversion
from pipeline.demo import outcomes, shifts
from pipeline.demo.traffic import Service, send
from pipeline.models import feature_code, matrix, signature
from pipeline.models.model_text import SIGNATURE
from pipeline.ship.release.golden import to_request_rows
from pipeline.ship.release.locked_model import TEST

IMPORTANCE = Path("reports/importance.json")
SEEN = (
    "simulate: the model that serves was fitted again on all rows, these too: its scores of them are surer than those "
    "of new rows, so that prediction drift may alarm; `train.refit: false` serves the measured model"
)
PREFIX = "simulated"  # of the ids of simulated rows, in the log and in the labels
MAX_ROWS = 100_000


@click.command()
@click.option(
    "--shift",
    "name",
    default="none",
    show_default=True,
    help=f"One of {', '.join(shifts.SHIFTS)}, or a function of {shifts.FILE}.",
)
@click.option("--rows", type=click.IntRange(1, MAX_ROWS), default=2000, show_default=True)
@click.option("--strength", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Of the shift.")
@click.option(
    "--column",
    help="Column that broken_feature or new_category changes. "
    "Default: the model's strongest, or the one with the most categories.",
)
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), help="Rows per second; without it, as fast as possible."
)
@click.option("--url", default="http://127.0.0.1:3000", show_default=True, help="Of the service.")
@click.option("--labels", "target", type=click.Path(path_type=Path), default="logs/labels.csv", show_default=True)
@click.option(
    "--labelled",
    "share",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Share of the rows that get a label.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), help="Draws the same rows again; without it, other rows each time."
)
def command(
    name: str,
    rows: int,
    strength: float,
    column: str | None,
    rate: float | None,
    url: str,
    target: Path,
    share: float,
    seed: int | None,
) -> None:
    """Replay held-out rows through the running service as traffic, plain or with a named shift.

    A tool for demonstrations: the drift is simulated, and row ids say so. Labels are written when the traffic ends.
    """
    effect = shifts.description(name)
    service = Service(url)
    release = service.release()
    outcomes.check(target)
    seed = secrets.randbelow(2**31) if seed is None else seed
    model, table = shifted(name, rows, strength, column, seed)
    shifted_rate = rate and rate * len(table) / rows  # a shift to fewer rows takes the same time
    click.echo(f"simulate: this is simulated traffic: held-out rows, drawn with seed {seed}, to release {release}")
    if model.refitted:
        click.echo(SEEN)
    if name != "none":
        click.echo(f"simulate: shift {name}, strength {strength:g}: {effect}")
    traffic = send(service, to_request_rows(model, table), f"{PREFIX}-{name}-{secrets.token_hex(4)}", shifted_rate)
    ids, start = list[str](), time.monotonic()
    try:
        with closing(traffic), click.progressbar(traffic, len(table), "simulate", file=sys.stderr) as answered:
            for row_id in answered:
                ids.append(row_id)
    finally:
        click.echo(f"simulate: {len(ids):,} of {len(table):,} rows answered in {time.monotonic() - start:.1f} s")
        if labels := labelled(ids, table[model.target], share, seed):
            outcomes.append(target, labels)
            click.echo(f"simulate: labels of {len(labels):,} rows, for `make monitor`: {target}")


def shifted(
    name: str, rows: int, strength: float, column: str | None, seed: int
) -> tuple[signature.Signature, pd.DataFrame]:
    """The model's signature, and `rows` held-out rows, shifted."""
    model = signature.read(Path("models") / SIGNATURE)
    columns = shifts.shifted_columns(model, report_shapes.read(IMPORTANCE, "importance"), column)
    table = parquet.read(Path(TEST))
    if table.empty:
        raise PipelineError(f"{TEST}: holds no row; remove it and run `make run`")
    if model.target not in table.columns:
        raise PipelineError(f"{TEST}: lacks column {model.target}, the target; remove it and run `make run`")
    matrix.encode(
        table, model, feature_code.of_model(Path("models"), model)
    )  # refuses a column that is absent or of another type
    drawn = draw(table, rows, seed)
    return model, shifts.shift(drawn, name, columns, strength, seed)


def draw(table: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """`rows` rows in random order; none is drawn again before all were drawn."""
    rng = np.random.default_rng([seed, 1])  # a stream other than the shift's
    rounds = [rng.permutation(len(table)) for _ in range(-(-rows // len(table)))]
    return table.iloc[np.concatenate(rounds)[:rows]]


def labelled(ids: list[str], truth: "pd.Series[Any]", share: float, seed: int) -> list[tuple[str, str]]:
    """Id and label of a random share of the answered rows, which are the first ones of `truth`."""
    chosen = np.random.default_rng([seed, 2]).random(len(ids)) < share
    texts = conversion.labels(truth.iloc[: len(ids)])
    return [(row_id, text) for row_id, text, is_chosen in zip(ids, texts, chosen, strict=True) if is_chosen]
