"""Releases with other feature code beside each other: real services, without HTTP and containers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.evaluation.scoring import Scored
from pipeline.features.code import FeatureCode
from pipeline.models import matrix
from pipeline.models.boosting import lightgbm
from pipeline.ship.deploy import rollout
from pipeline.ship.deploy.deployment import Deployment
from pipeline.ship.deploy.evidence import Side
from pipeline.ship.deploy.target import Answer
from pipeline.ship.release import golden
from pipeline.ship.release.manifest import Release
from pipeline.ship.service.booster import Booster
from pipeline.ship.service.predictor import Predictor
from pipeline.ship.service.request import RefusalError
from tests.pipeline.conftest import FROZEN
from tests.pipeline.ship.deploy.hosts_in_memory import MemoryHost, release
from tests.pipeline.ship.deploy.test_rollout import deployment
from tests.pipeline.ship.service.test_computed import fitted, sent, service, table

WITHOUT_CITY = "def joined(count, member):\n    return count * member"
WITH_CITY = "def roman(count, city):\n    return count + (city == 'Rome')\ndef tall(city):\n    return city"
WITH_SPARE = "def sum_of(count, spare):\n    return count + spare"  # the contract lets spare have no missing value
OLD = ("amount", "count", "member")  # the columns that old clients send
TRAIN = table(300, 0)


@dataclass(frozen=True)
class Made:
    """A release's service and what training knows of it."""

    release: Release
    predictor: Predictor
    code: FeatureCode
    booster: Any


@cache
def made(name: str, source: str, sign: int = 1) -> Made:
    """A regression of `sign` times the count."""
    code, known = fitted(source, TRAIN)
    data = lightgbm().Dataset(matrix.encode(TRAIN, known, code), sign * TRAIN["count"].to_numpy(float))
    booster = lightgbm().train({"verbosity": -1, "min_data_in_leaf": 5}, data, 20)
    rows, request = service(code, known)
    serve = params.section(params.Serve, FROZEN / params.PATH)
    predictor = Predictor(serve, known, {"release": name}, request, rows, Booster(booster.model_to_string()))
    return Made(release(name, features=known.columns, model=name, task="regression"), predictor, code, booster)


class _TrafficError(Exception):
    """The replay is over: the candidate would get traffic now."""


class ServicesHost(MemoryHost):
    """A host on which services run, and whose champion logged rows of clients that send `columns`."""

    def __init__(self, services: Sequence[Made], columns: Sequence[str]) -> None:
        super().__init__(services[0].release)
        self.services = {one.release.id: one for one in services}
        rows = [sent(row) for row in table(80, 5)[[*columns]].to_dict("records")]
        self.rows = [{name: value for name, value in row.items() if value is not None} for row in rows]

    def find_release(self, release: str) -> Release | None:
        return self.services[release].release

    def predict(self, release: str, bodies: Sequence[Any], timeout: float) -> list[Answer]:
        return [self._answer(release, body) for body in bodies]

    def _answer(self, release: str, body: Any) -> Answer:
        try:
            content = (
                self.services[release].predictor.predict(json.dumps(body).encode(), "r", with_features=True).content
            )
        except RefusalError as refusal:
            return Answer(refusal.status, refusal.message, 1.0)
        return Answer(200, content.decode(), 1.0)

    def recent_lines(self, release: str, limit: int) -> list[dict[str, Any]]:
        fixed = {"id": "a-0", "score": 1.0, "time": "2026-11-21T10:00:00Z", "release": release, "ms": 1.0}
        needed = self.services[release].release.features
        return [
            fixed | {"features": row, "flags": {"missing": [name for name in needed if name not in row]}}
            for row in self.rows
        ]

    def new_lines(self, release: str) -> list[dict[str, Any]]:
        return []

    def route(self, release: str, percent: int) -> None:
        raise _TrafficError

    def requests(self) -> tuple[Side, Side]:
        return Side(), Side()


def replay(champion: Made, candidate: Made, columns: Sequence[str]) -> list[str]:
    """What a deployment says of the replay, after which it stops here."""
    messages = list[str]()
    deploying = deployment(messages)
    own = candidate.release.model_copy(
        update={"expected": {"agreement": 1.0, "shift": 0.0}, "against": champion.release.model}
    )
    planned = Deployment(own, deploying.target, deploying.bounds, deploying.say, deploying.recorder, "w")
    with pytest.raises(_TrafficError):
        rollout.canary_steps(planned, ServicesHost([champion, candidate], columns), champion.release.id)
    return messages


def test_a_column_that_old_clients_do_not_send_is_missing_flagged_and_agreement_is_judged() -> None:
    old, new = made("old", WITHOUT_CITY), made("new", WITH_CITY)
    first, _, judged = replay(old, new, OLD)
    assert first.startswith("the candidate newly needs city, which not all logged rows have: it is missing there;")
    assert judged.startswith("replay: correlation with the champion ")
    assert "deploy.min_agreement" in judged
    host = ServicesHost([old, new], OLD)
    (answer,) = host.predict("new", [{"rows": [{"amount": 1.0, "count": 2, "member": True}]}], 1.0)
    (prediction,) = json.loads(answer.text)["predictions"]
    assert prediction["flags"] == {"missing": ["city"]}


def test_a_column_that_is_no_longer_needed_is_taken_and_what_the_gate_measured_judges() -> None:
    old, new = made("new", WITH_CITY), made("newer", WITHOUT_CITY)
    _, judged = replay(old, new, (*OLD, "city"))
    assert "the gate measured 1.000" in judged
    _, judged = replay(old, new, OLD)  # of clients that never sent it
    assert "the gate measured 1.000" in judged


def test_a_candidate_with_other_columns_that_disagrees_is_found_by_the_replay() -> None:
    with pytest.raises(PipelineError, match=r"^replay: correlation with the champion -"):
        replay(made("old", WITHOUT_CITY), made("inverse", WITH_CITY, -1), OLD)


def test_a_new_column_that_may_not_be_missing_stops_the_deployment_with_the_remedy() -> None:
    with pytest.raises(PipelineError) as stopped:
        replay(made("old", WITHOUT_CITY), made("strict", WITH_SPARE), OLD)
    assert "replay: row 0 answered 422 rows[0].spare is missing" in str(stopped.value)
    assert str(stopped.value).endswith("; make spare nullable in data/schema.yaml until all clients send it")


def golden_rows(service: Made) -> list[dict[str, Any]]:
    rows = table(40, 9)
    known = service.predictor.signature
    scores = np.round(service.booster.predict(matrix.encode(rows, known, service.code)), 9)
    return golden.rows(known, rows, Scored("regression", np.zeros(40), scores, np.arange(40)), 20, service.code)


def test_a_golden_row_holds_raw_columns_and_features_and_both_are_compared() -> None:
    service = made("new", WITH_CITY)
    rows = golden_rows(service)
    assert {*rows[0]["row"]} == {*OLD, "city"}
    assert {tuple(row["features"]) for row in rows} == {("roman", "tall")}
    assert {row["features"]["tall"] for row in rows} == {row["row"]["city"] for row in rows}
    host = ServicesHost([service], OLD)
    for old in (rows, [{"row": row["row"], "expected": row["expected"]} for row in rows]):
        rollout.smoke_test(service.release.model_copy(update={"golden": old}), host)
    other = rows[0] | {"features": rows[0]["features"] | {"roman": 0.5}}
    with pytest.raises(
        PipelineError, match=r"^golden row 0: feature roman is .*; training gave 0\.5 for this test row"
    ):
        rollout.smoke_test(service.release.model_copy(update={"golden": [other]}), host)


def test_a_service_that_tells_no_features_is_judged_by_its_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    service = made("new", WITH_CITY)
    host = ServicesHost([service], OLD)
    former = service.predictor.predict
    monkeypatch.setattr(Predictor, "predict", lambda _, body, name, **options: former(body, name))
    rollout.smoke_test(service.release.model_copy(update={"golden": golden_rows(service)}), host)
