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

from pipeline.core import files, parquet
from pipeline.data.values import conversion
from pipeline.demo import outcomes, shifts
from pipeline.demo.traffic import Service, send
from pipeline.models import signature
from pipeline.models.model_text import SIGNATURE
from pipeline.ship.release.golden import to_request_rows
from pipeline.ship.release.source import TEST

IMPORTANCE = Path("reports/importance.json")
MARK = "simulated"  # the ids of simulated rows begin with it, in the log and in the labels
MOST_ROWS = 100_000


@click.command()
@click.option(
    "--shift",
    "name",
    default="none",
    show_default=True,
    help=f"One of {', '.join(shifts.SHIFTS)}, or a function of {shifts.FILE}.",
)
@click.option("--rows", type=click.IntRange(1, MOST_ROWS), default=2000, show_default=True)
@click.option("--strength", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Of the shift.")
@click.option(
    "--column", help="What broken_feature or new_category changes (default: the model's strongest; the richest)."
)
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Rows a second; without it, as fast as it goes.")
@click.option("--url", default="http://127.0.0.1:3000", show_default=True, help="Of the service.")
@click.option("--labels", "target", type=click.Path(path_type=Path), default="logs/labels.csv", show_default=True)
@click.option(
    "--labelled", "share", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Share of rows with label."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), help="Repeats a run's rows; without it, other rows each time."
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
    does = shifts.description(name)
    service = Service(url)
    release = service.release()
    outcomes.check(target)
    seed = secrets.randbelow(2**31) if seed is None else seed
    known, table = shifted(name, rows, strength, column, seed)
    pace = rate and rate * len(table) / rows  # fewer rows in the same time
    click.echo(f"simulate: this is simulated traffic: held-out rows, drawn with seed {seed}, to release {release}")
    if name != "none":
        click.echo(f"simulate: shift {name}, strength {strength:g}: {does}")
    traffic = send(service, to_request_rows(known, table), f"{MARK}-{name}-{secrets.token_hex(4)}", pace)
    ids, began = list[str](), time.monotonic()
    try:
        with closing(traffic), click.progressbar(traffic, len(table), "simulate", file=sys.stderr) as answers:
            for answer in answers:
                ids.append(answer)
    finally:
        click.echo(f"simulate: {len(ids):,} of {len(table):,} rows answered in {time.monotonic() - began:.1f} s")
        if later := labelled(ids, table[known.target], share, seed):
            outcomes.append(target, later)
            click.echo(f"simulate: labels of {len(later):,} rows, for `make monitor` to find: {target}")


def shifted(
    name: str, rows: int, strength: float, column: str | None, seed: int
) -> tuple[signature.Signature, pd.DataFrame]:
    """The signature, and so many held-out rows as they would be under the shift."""
    known = signature.read(Path("models") / SIGNATURE)
    columns = shifts.shifted_columns(known, files.read_json(IMPORTANCE), column)
    drawn = draw(parquet.read(Path(TEST)), rows, seed)
    return known, shifts.shift(drawn, name, columns, strength, seed)


def draw(table: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """So many rows in random order; none comes a second time before all have come."""
    rng = np.random.default_rng([seed, 1])  # other numbers than the shift's
    rounds = [rng.permutation(len(table)) for _ in range(-(-rows // len(table)))]
    return table.iloc[np.concatenate(rounds)[:rows]]


def labelled(ids: list[str], truth: "pd.Series[Any]", share: float, seed: int) -> list[tuple[str, str]]:
    """Id and label of a share of the rows that were answered, which are the first ones."""
    chosen = np.random.default_rng([seed, 2]).random(len(ids)) < share
    texts = conversion.labels(truth.iloc[: len(ids)])
    return [(one, text) for one, text, taken in zip(ids, texts, chosen, strict=True) if taken]
