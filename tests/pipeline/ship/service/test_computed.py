"""The service computes features as training does, to the bit: over HTTP, in any batch size, for any values."""

import asyncio
import json
import textwrap
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import httpx
import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from pipeline.core.errors import PipelineError
from pipeline.core.params import Features, Split
from pipeline.data.contract import schema
from pipeline.data.contract.schema import Schema
from pipeline.features import contract_columns, fitting, in_tables, plan
from pipeline.features.code import FeatureCode
from pipeline.features.package import Package
from pipeline.models import matrix, training
from pipeline.models.signature import Signature
from pipeline.ship.service import columns, log
from pipeline.ship.service.endpoints import Post, Request
from pipeline.ship.service.predictor import Predictor
from pipeline.ship.service.prometheus import Metrics
from pipeline.ship.service.request import RequestModel
from pipeline.ship.service.request_rows import Rows
from pipeline.ship.service.together import Together

CONTRACT = Schema.model_validate(
    {
        "columns": {
            "id": {"type": "integer", "nullable": False},
            "amount": {"type": "number", "nullable": True, "min": -5},
            "count": {"type": "integer", "nullable": False},
            "city": {"type": "text", "nullable": True},
            "member": {"type": "boolean", "nullable": False},
            "opted": {"type": "boolean", "nullable": True},
            "since": {"type": "date", "nullable": True},
            "spare": {"type": "number", "nullable": False},
            "y": {"type": "number", "nullable": False},
        }
    }
)
NUMBERS = ("amount", "count", "opted", "member * 1.0", "(since - np.datetime64(0, 'D')) / np.timedelta64(1, 'h')")
OPERATIONS: tuple[str, ...] = (
    "{0} + {1}",
    "{0} * {1}",
    "np.exp({0} / 9)",
    "np.cbrt({0}) - {1}",
    "np.where(member, {0}, {1})",
)
OPERATIONS += ("np.maximum({0}, {1})", "{0} / ({1} * {1} + 1)", "np.log1p(np.abs({0}))", "np.round({0}, 1)")
TEXTS = ("city", "np.where(member, city, None)", "np.where(amount > 1, 'high', 'low')")
FLAGS = ("member", "amount > count", "np.isnan(opted)", "city == 'Rome'")
READS = {name: name for name in ("amount", "count", "city", "member", "opted", "since")}


def expressions() -> st.SearchStrategy[str]:
    numbers = st.recursive(
        st.sampled_from(NUMBERS),
        lambda inner: st.tuples(st.sampled_from(OPERATIONS), inner, inner).map(
            lambda drawn: drawn[0].format(*drawn[1:])
        ),
        max_leaves=4,
    )
    return numbers | st.sampled_from(TEXTS) | st.sampled_from(FLAGS)


def source(values: list[str]) -> str:
    """Feature code with an expression for each feature, which may read the one before it, and a state."""
    lines = ["import numpy as np"]
    for number, value in enumerate(values):
        lines += [f"def f{number}({', '.join(READS)}):", f"    return {value}"]
    lines += ["def fitted(amount, city, f0, state):", "    return amount - state['means'].lookup(city, state['mean'])"]
    lines += ["def fit_fitted(amount, city):", "    mean = np.nan_to_num(np.nanmean(amount))"]
    lines += ["    return {'mean': mean, 'means': {name: mean + len(name) for name in set(city) - {None}}}"]
    return "\n".join(lines)


def table(rows: int, seed: int) -> pd.DataFrame:
    values = contract_columns.make(CONTRACT, contract_columns.inputs_of(CONTRACT, CONTRACT.columns), rows, seed)
    return schema.typed(pd.DataFrame(values), CONTRACT)


def fitted(code_source: str, train: pd.DataFrame) -> tuple[FeatureCode, Signature]:
    package = Package("src/project/features", {"made.py": textwrap.dedent(code_source).encode()})
    made = plan.make(package, plan.Names([*CONTRACT.columns], "y", "id"))
    code = FeatureCode(package, made, contract_columns.inputs_of(CONTRACT, made.read))
    code = fitting.fit(code, in_tables.arrays(train, code.inputs))
    excluded = Features(exclude=("spare", "opted", "since", "city"), max_categories=1000)
    learned = matrix.learn(train, excluded, {"id", "y"}, code)
    split = Split(test=0.2, validation=0.2, seed=0, time=None)
    fixed: dict[str, Any] = {"task": "regression", "target": "y", "key": "id", "positive": None, "classes": ()}
    extra = training._of_code(code, learned)
    known = Signature(
        format=4, **fixed, threshold=None, quantile=0.5, features=learned, split=split, device="cpu", **extra
    )
    return code, known


def sent(row: Any) -> dict[str, Any]:
    """A row of a table as a client sends it."""
    plain = {name: None if pd.isna(value) else value for name, value in row.items()}
    return {name: value.isoformat() if isinstance(value, pd.Timestamp) else value for name, value in plain.items()}


@cache
def metrics() -> Metrics:
    return Metrics("computed")


def over_http(rows: Rows, bodies: list[bytes]) -> list[list[list[float | None]]]:
    """The matrix that the service makes of each body's rows, alone and all at once; floats keep all digits in JSON."""
    together = list[int]()

    def read(requests: Sequence[Request]) -> list[Callable[[], bytes]]:
        together.append(len(requests))
        reads = reader(rows).read_together([request.body for request in requests])
        return [partial(msgspec.json.encode, one.matrix.tolist()) for one in reads if one]

    endpoint: Any = Post("/predict", Together(read), metrics(), 10**7)

    async def answer() -> list[Any]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=endpoint)) as client:
            replies = [await client.post("http://service/predict", content=body) for body in bodies]
            assert together == [1] * len(bodies)
            at_once = await asyncio.gather(*(client.post("http://service/predict", content=body) for body in bodies))
            assert together[len(bodies) :] == [len(bodies)]
        assert [reply.text for reply in replies if reply.status_code != 200] == []
        assert [reply.content for reply in at_once] == [reply.content for reply in replies]
        return [reply.json() for reply in replies]

    return asyncio.run(answer())


def reader(rows: Rows) -> Predictor:
    unused: Any = None
    return Predictor(unused, unused, {}, unused, rows, unused)


def service(code: FeatureCode, known: Signature) -> tuple[Rows, RequestModel]:
    fields, unused = columns.columns(known, CONTRACT), columns.unused(known, CONTRACT)
    return Rows(known, fields, 1000, (), unused, code), RequestModel(fields, 1000, (), unused)


@settings(max_examples=30, derandomize=True, deadline=None)
@given(st.lists(expressions(), min_size=1, max_size=4), st.integers(0, 99), st.integers(1, 40))
def test_values_over_http_are_those_of_training_to_the_bit(values: list[str], seed: int, size: int) -> None:
    train, rows = table(300, 0), table(40, seed + 1)
    try:
        code, known = fitted(source(values), train)
    except PipelineError as refusal:
        if "has no value in any" not in str(refusal):  # as exp of a number of hours, which is infinite
            raise
        reject()
    requests = [sent(row) for row in rows.drop(columns=["id", "y"]).to_dict("records")]
    bodies = [json.dumps({"rows": requests[start : start + size]}).encode() for start in range(0, 40, size)]
    served = [row for part in over_http(service(code, known)[0], bodies) for row in part]
    got = np.array([[np.nan if value is None else value for value in row] for row in served], dtype=float)
    expected = matrix.encode(rows, known, code)
    assert np.array_equal(np.isnan(got), np.isnan(expected))
    assert np.nan_to_num(got).tobytes() == np.nan_to_num(expected).tobytes()


ONE = "import numpy as np\ndef ratio(amount, spare):\n    return amount / np.maximum(np.abs(spare), 1)"
ROW = {"amount": 1.5, "count": 3, "member": True, "spare": 2.0}


def test_a_request_may_hold_every_column_but_key_and_target_and_what_is_unused_is_logged() -> None:
    code, known = fitted(ONE, table(300, 0))
    rows, model = service(code, known)
    assert known.columns == ["amount", "count", "member", "spare"]
    full = ROW | {"city": 7, "opted": "any", "since": None}
    for row in (ROW, full):
        body = json.dumps({"rows": [row]}).encode()
        np.testing.assert_array_equal(rows.encode(rows.decode(body)), [[1.5, 3, 1, 0.75]])
        np.testing.assert_array_equal(rows.encode(rows.read(model.read(body))), [[1.5, 3, 1, 0.75]])
        record = log.Record(0.0, "r", 1.0, b"", rows.decode(body), b"")
        (line,) = log.feature_encoder(rows.names, [])(record)
        assert json.loads(bytes(line)) == row
    for name in ("id", "y"):
        with pytest.raises(ValueError, match="unknown field"):
            rows.decode(json.dumps({"rows": [ROW | {name: 1}]}).encode())
    assert "logged" in model.schema()["$defs"]["Row"]["properties"]["city"]["description"]


def test_a_column_that_only_feeds_a_feature_is_flagged_as_any_other() -> None:
    contract = CONTRACT.columns | {"spare": CONTRACT.columns["amount"]}  # nullable, at least -5
    code, known = fitted(ONE, table(300, 0))
    rows = Rows(known, columns.columns(known, Schema(columns=contract)), 10, (), (), code)
    sent_rows = [ROW, ROW | {"spare": None}, ROW | {"spare": -6}, {"amount": None, "count": 1, "member": False}]
    decoded = rows.decode(json.dumps({"rows": sent_rows}).encode())
    flags = {at: (one.missing, one.outside) for at, one in rows.flags(decoded, rows.encode(decoded)).items()}
    assert flags == {1: (["spare"], []), 2: ([], ["spare"]), 3: (["spare", "amount"], [])}


def test_a_function_that_fails_is_an_error_of_the_service_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    source = (
        "import numpy as np\ndef first(city):\n    return np.array([c[0] if c else 'x' for c in city], dtype=object)"
    )
    code, known = fitted(source, table(300, 0))
    rows = service(code, known)[0]
    broken = FeatureCode(
        Package(code.package.place, {"made.py": b"def first(city):\n    return city[5:]"}), code.plan, code.inputs
    )
    rows._computed._code = broken  # type: ignore[union-attr]

    async def handler(request: Request) -> bytes:
        return bytes(rows.encode(rows.decode(request.body)))

    endpoint: Any = Post("/predict", handler, metrics(), 10**7)

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=endpoint)) as client:
            return await client.post("http://s/predict", content=json.dumps({"rows": [ROW | {"city": "Rome"}]}))

    reply = asyncio.run(answer())
    assert reply.status_code == 500
    assert reply.json()["error"] == "a feature can't be computed; the service's log says why"
    assert "made.py:2: first: it returned an array of shape (0,) for 1 rows; allowed: (1,)" in caplog.text
    assert "Traceback" not in caplog.text


def test_bodies_are_read_together_but_for_one_that_is_invalid() -> None:
    code, known = fitted(ONE, table(300, 0))
    bodies = [json.dumps({"rows": rows}).encode() for rows in ([ROW], [], [ROW | {"amount": 4.0}, ROW])]
    one, none, two = reader(service(code, known)[0]).read_together(bodies)
    assert none is None
    assert one
    assert two
    assert (one.matrix[:, -1].tolist(), two.matrix[:, -1].tolist()) == ([0.75], [2.0, 0.75])
    assert (len(one.rows), len(two.rows)) == (1, 2)


def test_a_function_that_fails_for_one_row_fails_its_own_request_alone() -> None:
    source = "import numpy as np\ndef ratio(amount, spare):\n    return amount / np.array([1 / int(s) for s in spare])"
    code, known = fitted(source, table(300, 0).assign(spare=2.0))
    rows = service(code, known)[0]
    bodies = [json.dumps({"rows": [ROW | {"spare": spare}]}).encode() for spare in (2.0, 0.0)]
    assert reader(rows).read_together(bodies) == [None, None]
    assert rows.encode(rows.decode(bodies[0]))[0, -1] == 3
    with pytest.raises(PipelineError, match=r"ratio: ZeroDivisionError"):
        rows.encode(rows.decode(bodies[1]))
