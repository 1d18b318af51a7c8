"""The path of a value after training: through the service's log, labels that come later, retraining and the comparison
of two models it stays the value that it was, whatever is beside it, or it is refused by name."""

import contextlib
import csv
import datetime
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import params
from pipeline.core.params import Split, TaskSection
from pipeline.data.contract import inference
from pipeline.data.contract.schema import ContractColumn, Schema
from pipeline.data.values import keys
from pipeline.data.values.column_types import Type
from pipeline.data.values.conversion import convert, labels
from pipeline.evaluation import scoring
from pipeline.evaluation.scoring import Scored
from pipeline.models import targets
from pipeline.models.signature import Signature
from pipeline.predictions import label_join
from pipeline.predictions.damage import Damage
from pipeline.predictions.windows import Window, WindowedLog
from pipeline.review.baseline.scored import common, held_out
from pipeline.ship.service import log, predictor
from pipeline.ship.service.log_files import LogFiles
from pipeline.watch.retrain import assemble, label_lookup, logged
from tests.pipeline import in_process
from tests.pipeline.in_process import configure
from tests.pipeline.test_values import COLUMNS, MOMENTS, PER_CASE, read_back, written

pytestmark = pytest.mark.engine  # several thousand small tables
PLAIN = ("id", "whole", "share", "name", "member", "since", "outcome")
ESCAPED = ("id", 'whole "x"', "sha\\re", "name", "member", 'si"nce', "outcome")  # names that JSON must escape
TYPES: tuple[Type, ...] = ("integer", "integer", "number", "category", "boolean", "date", "category")
ROWS = st.lists(
    st.tuples(
        st.integers(-(2**63), 2**63 - 1),
        st.none() | COLUMNS["int64"][1] | COLUMNS["uint64"][1],
        st.none() | COLUMNS["float64"][1],
        st.none() | st.text(max_size=4),
        st.none() | st.booleans(),
        st.none() | MOMENTS,
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row[0],
)


class Served(NamedTuple):
    names: tuple[str, ...]
    model: predictor.Predictor


def contract(names: tuple[str, ...]) -> Schema:
    """Everything but the key and the target may be missing, and nothing is bounded."""
    fixed = (names[0], names[-1])
    return Schema(
        columns={
            name: ContractColumn(type=kind, nullable=name not in fixed, unique=name == names[0])
            for name, kind in zip(names, TYPES, strict=True)
        }
    )


@pytest.fixture(scope="module", params=[PLAIN, ESCAPED], ids=["plain", "escaped"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A model that is trained in the working directory, and the columns of its table."""
    names: tuple[str, ...] = request.param
    with contextlib.chdir(tmp_path_factory.mktemp("served")):
        rng, places = np.random.default_rng(0), np.arange(200)
        members, days = rng.random(200) < 0.5, pd.Timestamp("2024-01-01") + pd.to_timedelta(places % 50, unit="D")
        data = [
            places,
            places % 9,
            rng.normal(size=200),
            rng.choice(["a", "b"], 200),
            members,
            days,
            members.astype(str),
        ]
        Path("data").mkdir()
        pd.DataFrame(dict(zip(names, data, strict=True))).to_parquet("data/table.parquet", index=False)
        configure("binary", "outcome", "True", data={"source": "data/table.parquet", "key": "id"})
        status, printed = in_process.train()
        assert status == 0, printed
        Path("data/schema.yaml").write_text(inference.document(contract(names)), encoding="utf-8")
        yield Served(names, predictor.load(Path()))


@PER_CASE
@given(ROWS, st.sampled_from([None, 1]), st.booleans())
def test_sent_rows_come_back_from_the_log_as_they_were_sent_or_are_quarantined(
    served: Served, rows: list[tuple[Any, ...]], indent: int | None, left_out: bool
) -> None:
    names = served.names
    sent = [dict(zip(names[1:-1], row[1:], strict=True)) for row in rows]
    content = json.dumps({"rows": sent}, indent=indent, default=datetime.datetime.isoformat)
    with tempfile.TemporaryDirectory() as folder:
        write_log(Path(folder), served.model, content.encode(), names[3:4] if left_out else ())
        known = {f"r-{at}": str(row[0]) for at, row in enumerate(rows)}
        settings = params.read()
        found = logged.read(folder, known, None, contract(names), settings, print)
    assert (found.damage, len(found.rows)) == (Damage(), len(rows))

    labelled = dict.fromkeys(known, "NA") | {"r-0": "null"}
    result = assemble.assemble(list(found.rows.values()), labelled, known, contract(names), settings)

    refused = {f"r-{at}" for at, row in enumerate(rows) if row[1] is not None and row[1] >= 2**63}
    assert set(result.quarantined.index) == refused
    assert {reason.column for reason in result.reasons} == ({names[1]} if refused else set())
    for at, (key, whole, share, name, member, since) in enumerate(rows):
        if (row := f"r-{at}") not in refused:
            got = result.accepted[result.accepted.index == row].astype(object).iloc[0].tolist()
            expected = [key, whole, share, None if left_out else name, member, since, labelled[row]]
            assert [None if value is pd.NA or value != value else value for value in got] == expected


def write_log(folder: Path, model: predictor.Predictor, body: bytes, omit: Sequence[str]) -> None:
    """What the service writes for a request."""
    features = log.feature_encoder([column.name for column in model.rows.ordered], omit)
    prediction_log = log.PredictionLog(
        "p", LogFiles(folder, 1, 10**6, 2), features, lambda rows: pytest.fail(f"{rows} rows are lost")
    )
    predicted = model.predict(body, "r")
    record = log.Record(time.time(), "a", 1.0, predicted.body, predicted.rows, predicted.lines)
    prediction_log.log_table([record], {})
    prediction_log.close()


CLASSES = ("int64", "uint64", "boolean", "date", "text", "decimal")


@PER_CASE
@given(st.data())
@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("kind", CLASSES)
def test_labels_are_the_classes_of_the_model(kind: str, ending: str, tmp_path: Path, data: st.DataObject) -> None:
    values = data.draw(st.lists(COLUMNS[kind][1], min_size=2, max_size=5, unique=True))
    column = read_back(values * 2, kind, tmp_path)  # twice: codes, whatever they look like
    declared = inference.column(column, False).type
    typed, wrong = convert(column, declared)
    assert not wrong.any()
    classes = targets.learn(typed, TaskSection(type="multiclass", target="x"))
    came = data.draw(st.lists(st.sampled_from(range(len(values))), min_size=1, max_size=5))
    ids = [f"r-{at}" for at in range(len(came))]
    path = tmp_path / f"labels.{ending}"
    if ending == "csv":
        with path.open("w", newline="", encoding="utf-8") as stream:
            texts = [written(values[place]) for place in came]
            csv.writer(stream).writerows([["id", "label"], *zip(ids, texts, strict=True)])
    else:
        pq.write_table(
            pa.table({"id": ids, "label": pa.array([values[place] for place in came], COLUMNS[kind][0])}), path
        )

    expected = [str(text) for text in labels(typed).iloc[came]]

    found = label_lookup.read(str(path), None).values
    retrained, refused = convert(pd.Series([found[row] for row in ids]), declared)
    assert not refused.any()
    assert labels(retrained).tolist() == expected
    assert joined(path, ids, classes) == expected


def joined(path: Path, ids: Sequence[str], classes: tuple[str, ...]) -> list[str]:
    """The labels as the monitor reads them."""
    now, answers = datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC), pd.DataFrame({"id": ids})
    window = Window(now, now, len(ids), True, pd.DataFrame(index=answers.index), answers, {}, {}, {}, None)
    windowed = WindowedLog((window,), Damage(), len(ids), 1, now)
    result = label_join.join(windowed, str(path), signature(classes=classes, task="multiclass"))
    assert result.damage == Damage()
    truth = result.windows[0].truth
    assert truth is not None
    return [str(label) for label in truth]


def signature(**fields: Any) -> Signature:
    fixed: dict[str, Any] = {"task": "regression", "target": "y", "key": "x", "positive": None, "classes": ()}
    split = Split(test=0.4, validation=0.2, seed=0, time=None)
    fixed |= {"threshold": None, "quantile": 0.5, "features": (), "split": split, "device": "cpu", "format": 2}
    return Signature(**fixed | fields)


@PER_CASE
@given(st.data())
@pytest.mark.parametrize("kind", [kind for kind in COLUMNS if kind != "boolean"])
def test_two_models_are_compared_row_by_row_whatever_rows_are_beside(
    kind: str, tmp_path: Path, data: st.DataObject
) -> None:
    values = data.draw(st.lists(COLUMNS[kind][1], min_size=1, max_size=8, unique=True))
    column = read_back(values, kind, tmp_path)
    typed, wrong = convert(column, inference.column(column, True).type)
    table = pd.DataFrame({"x": typed})[~wrong]
    table["y"] = np.arange(len(table), dtype=float)
    part = table.iloc[data.draw(st.permutations(range(len(table))))[: data.draw(st.integers(1, 8))]]

    candidate, champion = scored_file(table, tmp_path / "a.parquet"), scored_file(part, tmp_path / "b.parquet")
    own, other = common(candidate, champion)

    assert sorted(other.score.tolist()) == sorted(part["y"].tolist())
    assert own.score.tolist() == other.score.tolist()
    both = dict(zip(table["y"], held_out(table, signature()), strict=True))
    assert held_out(part, signature()).tolist() == [both[row] for row in part["y"]]


def scored_file(table: pd.DataFrame, path: Path) -> Scored:
    """Scores of these rows, out of their file: the number of the row."""
    numbers = table["y"].to_numpy(float)
    scoring.write(path, Scored("regression", numbers, numbers, keys.names(table, "x")))
    return scoring.read(path)
