"""The service over HTTP: answers, refusals, lineage, metrics."""

import json
import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.conftest import Project
from tests.pipeline.ship.service.conftest import ROW, Server, serving

pytestmark = pytest.mark.engine


def test_each_task_answers(project: Project, tmp_path: Any) -> None:
    with serving(project.folder, tmp_path / "logs") as server:
        answer = server.post("/predict", {"rows": [ROW, ROW | {"age": 20}]}, X_Request_ID="abc")
        assert answer.status == 200, answer.text
        first, second = answer.json["predictions"]
        assert (first["id"], second["id"], answer.json["request_id"]) == ("abc-0", "abc-1", "abc")
        assert answer.json["release"].startswith("local-")
        if "probabilities" in first:
            assert sum(first["probabilities"].values()) == pytest.approx(1, abs=1e-8)
            assert first["label"] in first["probabilities"]
        explained = server.post("/explain", {"rows": [ROW]}).json["explanations"][0]
        assert 1 <= len(explained["contributions"]) <= 5


def test_the_example_of_the_description_is_accepted(server: Server) -> None:
    described = server.get("/docs.json").json
    example = described["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert server.post("/predict", example).status == 200
    town = described["components"]["schemas"]["Row"]["properties"]["town"]
    assert town["examples"] == ["Bergen", "Oslo", "Tromsø"]


def test_unusual_rows_are_predicted_and_flagged(server: Server) -> None:
    rows = [ROW | {"town": "Bodø"}, {name: value for name, value in ROW.items() if name != "income"}, ROW]
    predictions = server.post("/predict", {"rows": rows}).json["predictions"]
    assert [row.get("flags") for row in predictions] == [{"unseen": ["town"]}, {"missing": ["income"]}, None]


def test_health_lineage_and_metrics(server: Server) -> None:
    assert server.get("/healthz").status == server.get("/readyz").status == 200
    lineage = server.get("/release").json
    assert {"release", "git_commit", "dvc_lock", "model", "metrics"} <= set(lineage)
    before = server.metric("pipeline_rows_total")
    server.post("/predict", {"rows": [ROW] * 3})
    assert server.metric("pipeline_rows_total") == before + 3
    assert 0 < server.metric("pipeline_log_disk_free_bytes") < server.metric("pipeline_log_disk_size_bytes")
    assert server.metric("bentoml_service_request_total") > 0
    assert server.metric("bentoml_service_request_duration_seconds_sum") > 0
    assert server.metric("bentoml_service_request_duration_seconds_count") == server.metric(
        "bentoml_service_request_total"
    )


WRONG: list[tuple[str, Any, int, str]] = [
    ("a wrong type", {"rows": [ROW | {"age": "40"}]}, 422, "rows[0].age is '40'; allowed: a whole number"),
    ("a fraction", {"rows": [ROW | {"age": 40.5}]}, 422, "rows[0].age is 40.5; allowed: a whole number"),
    ("a truth value", {"rows": [ROW | {"age": True}]}, 422, "rows[0].age is true; allowed: a whole number"),
    ("a number as text", {"rows": [ROW | {"town": 3}]}, 422, "rows[0].town is 3; allowed: text"),
    ("NaN", {"rows": [ROW | {"income": float("nan")}]}, 422, "rows[0].income is nan; allowed: a finite number"),
    ("infinity", {"rows": [ROW | {"income": float("inf")}]}, 422, "rows[0].income is inf; allowed: a finite number"),
    ("no date", {"rows": [ROW | {"since": "soon"}]}, 422, "rows[0].since is 'soon'; allowed: a date as text, ISO 8601"),
    ("a date before the year 1 in UTC", {"rows": [ROW | {"since": "0001-01-01T00:00+05:00"}]}, 422, "rows[0].since is"),
    ("an unknown field", {"rows": [ROW | {"agee": 1}]}, 422, "rows[0].agee is not a field; allowed: age"),
    ("a missing field", {"rows": [{"age": 4}]}, 422, "rows[0].town is missing; allowed: text"),
    ("null", {"rows": [ROW | {"age": None}]}, 422, "rows[0].age is null; allowed: a whole number"),
    ("no rows", {"rows": []}, 422, "rows is a list of 0; allowed: a list of 1 to 1000 rows"),
    ("too many rows", {"rows": [ROW] * 1001}, 422, "rows holds too many rows; allowed: a list of 1 to 1000 rows"),
    ("a bare row", ROW, 422, "rows is missing"),
    ("a list", [ROW], 422, "is a list of 1"),
    ("a row that is not an object", {"rows": [1]}, 422, "rows[0] is 1; allowed: a row"),
    ("nothing", b"", 400, "the body is not JSON"),
    ("half a body", b'{"rows": [{', 400, "the body is not JSON"),
    ("not text", b"\xff\xfe\x00", 400, "the body is not JSON"),
    ("deep nesting", b"[" * 100_000, 400, "the body is not JSON"),
    ("a lone surrogate", b'{"rows": [{"town": "\\ud800"}]}', 400, "the body is not JSON"),
    ("a large body", b" " * 2_000_001, 413, "the body is too large; allowed: 2000000 bytes (serve.max_body)"),
]


@pytest.mark.parametrize(("body", "status", "expected"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_wrong_request_names_the_field_and_what_is_allowed(
    server: Server, body: Any, status: int, expected: str
) -> None:
    reply = server.post("/predict", body)
    assert (reply.status, reply.json["error"][: len(expected)]) == (status, expected)
    assert server.post("/explain", body).status == status


def test_every_problem_is_listed(server: Server) -> None:
    problems = server.post("/predict", {"rows": [ROW | {"age": "x", "town": 1}, {}]}).json["problems"]
    assert [problem["field"] for problem in problems][:2] == ["rows[0].age", "rows[0].town"]


def test_too_many_rows_to_explain(server: Server) -> None:
    reply = server.post("/explain", {"rows": [ROW] * 101})
    assert reply.status == 422
    assert "rows holds 101 rows, too many to explain; allowed: a list of 1 to 100 rows" in reply.text


def test_a_body_without_a_length_is_bounded(server: Server) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        link.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        try:
            for _ in range(40):
                link.sendall(chunk)
        except OSError:
            return  # it answered and closed the connection
        assert b" 413 " in link.recv(1000)


def test_other_methods_and_paths(server: Server) -> None:
    assert server.get("/predict").status == 405
    assert server.get("/nothing").status == 404


BODIES = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(str.encode),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["rows", *ROW, "x"]), inner, max_size=6)
        ),
        max_leaves=10,
    ).map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from([*ROW, "x"]), st.none() | st.floats() | st.text() | st.booleans(), max_size=4).map(
        lambda changes: json.dumps({"rows": [ROW | changes]}).encode()
    ),
)


@settings(max_examples=200, deadline=None)
@given(body=BODIES)
def test_no_body_ends_in_a_5xx_or_stops_the_service(server: Server, body: bytes) -> None:
    reply = server.post("/predict", body)
    assert reply.status in (200, 400, 422), reply.text
    assert reply.status == 200 or reply.json["error"]
