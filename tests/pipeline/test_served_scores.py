"""Any table: scores that are served over HTTP equal those of reports/scores.parquet to the bit, or training is refused
in one line."""

import asyncio
import datetime
import json
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from pipeline.data.contract import schema
from pipeline.evaluation import scoring
from pipeline.evaluation.scoring import Scored
from pipeline.models import signature
from pipeline.ship.service import predictor
from pipeline.ship.service.endpoints import Post, Request
from pipeline.ship.service.prometheus import Metrics
from tests.pipeline import in_process
from tests.pipeline.any_table import ROWS, AnyTable, any_tables, as_sent
from tests.pipeline.in_process import configure
from tests.pipeline.ship.service.conftest import TASKS, serving

pytestmark = pytest.mark.engine


def train(table: AnyTable) -> tuple[int, str]:
    """The stages on the table, in this folder; the status and what the last one printed."""
    Path("data").mkdir()
    source = Path("data", f"table.{table.ending}")
    source.write_bytes(table.content())
    configure(table.task, table.target, table.positive, data={"source": str(source), "key": table.key})
    return in_process.train(table.categories)


def body(table: AnyTable, scored: Scored) -> bytes:
    """A request of the scored rows, in their order, as a client makes it of the data."""
    kinds = {name: column.type for name, column in schema.read(schema.PATH).columns.items()}
    features = signature.read(Path("models/signature.json")).columns
    by_key = table.rows()
    rows = []
    for key in scored.keys:
        sent = {name: as_sent(by_key[key][name], kinds[name]) for name in features}
        fields = (f"{json.dumps(name)}: {literal(value)}" for name, value in sent.items())
        rows.append(f"{{{', '.join(fields)}}}")
    return f'{{"rows": [{", ".join(rows)}]}}'.encode()


def literal(value: Any) -> str:
    """A value in JSON; numbers with all their digits."""
    return json.dumps(value) if value is None or isinstance(value, bool | str | float) else str(value)


@cache
def metrics() -> Metrics:
    return Metrics("r")  # one: the process counts under each name once


def post(content: bytes) -> list[dict[str, Any]]:
    """The predictions for a body, over HTTP, of the model in this folder."""
    served = predictor.load(Path())

    async def handler(request: Request) -> bytes:
        return served.predict(request.body, request.request_id).content

    endpoint: Any = Post("/predict", handler, metrics(), 10**7)

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=endpoint)) as client:
            return await client.post("http://service/predict", content=content)

    reply = asyncio.run(answer())
    assert reply.status_code == 200, reply.text
    predictions: list[dict[str, Any]] = reply.json()["predictions"]
    return predictions


def scores(predictions: list[dict[str, Any]], scored: Scored) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """The answers in the form of the scored rows."""
    if scored.task == "multiclass":
        return np.array([[row["probabilities"][name] for name in scored.classes] for row in predictions])
    return np.array([float(row["score"]) for row in predictions])


def unusual_table(ending: str) -> AnyTable:
    """Three classes, one of them "NA"; names that are those of a date's part or must be escaped in JSON."""
    rng, moment = np.random.default_rng(0), datetime.datetime(2024, 1, 31, 12)
    places = rng.integers(0, 3, ROWS)
    columns = {
        "when": [moment + datetime.timedelta(days=31 * int(place)) for place in places],
        "when__month": rng.normal(size=ROWS),
        'say "x"': [["NA", "cafe\u0301", None][place] for place in rng.permutation(places)],
        "back\\slash": (2**53 + places).tolist(),
        "row": [f"r {place}" for place in range(ROWS)],
        "class": [["NA", "7.5", "b"][place] for place in (places + (rng.random(ROWS) < 0.2)) % 3],
    }
    return AnyTable("multiclass", pa.table(columns), "row", "class", None, ending, ("back\\slash",))


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("task", TASKS)
def test_scores_over_http_are_those_of_the_test_rows_or_training_is_refused(
    task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = Counter[str]()

    @settings(max_examples=20, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(any_tables(task))
    def check(table: AnyTable) -> None:
        with tempfile.TemporaryDirectory() as folder:
            monkeypatch.chdir(folder)
            status, printed = train(table)
            if status:
                outcomes["refused"] += 1
                errors = [line for line in printed.splitlines() if line.startswith("error: ")]
                assert (status, len(errors)) in ((2, 1), (2, 2)), printed  # the task's value, and a broken contract
                return
            outcomes["served"] += 1
            scored = scoring.read(Path("reports/scores.parquet"))
            assert scores(post(body(table, scored)), scored).tobytes() == scored.score.tobytes()

    check()
    assert outcomes["served"] >= 10, outcomes


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_server_answers_the_scores_of_the_test_rows(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = unusual_table(ending)
    monkeypatch.chdir(tmp_path)
    assert train(table)[0] == 0
    scored = scoring.read(Path("reports/scores.parquet"))
    with serving(tmp_path, tmp_path / "logs") as server:
        reply = server.post("/predict", body(table, scored))
    assert reply.status == 200, reply.text
    assert len(np.unique(scored.score)) > 2
    assert scores(reply.json["predictions"], scored).tobytes() == scored.score.tobytes()
