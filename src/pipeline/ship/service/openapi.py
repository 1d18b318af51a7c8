"""The OpenAPI description of the service, and the page that shows it."""

from typing import Any

from pipeline.ship.service.predictor import Predictor

NUMBER, TEXT = {"type": "number"}, {"type": "string"}
FLAGS = {
    "type": "object",
    "description": "Columns of the row that are unusual; left out where none is.",
    "properties": {
        "missing": {"type": "array", "items": TEXT, "description": "No value was given."},
        "unseen": {"type": "array", "items": TEXT, "description": "A category that was not in the training data."},
        "outside": {"type": "array", "items": TEXT, "description": "Outside the data contract's min and max."},
    },
}
CONTRIBUTION = {"type": "object", "properties": {"feature": TEXT, "column": TEXT, "contribution": NUMBER}}
PROBLEM = {"type": "object", "properties": {"field": TEXT, "problem": TEXT, "allowed": TEXT}}
HEADERS = [
    {
        "name": "X-Request-ID",
        "in": "header",
        "description": "The request's id: up to 64 letters, digits, dots, dashes, underscores. Without it one is made.",
        "schema": TEXT,
    },
    {
        "name": "X-Pipeline-Replay",
        "in": "header",
        "description": "With any value: a replay, which is not logged; the answer also has the features in code.",
        "schema": TEXT,
    },
]
# BentoML's page without its Google Tag Manager, so that visitors are not tracked.
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Predictions</title>
<link rel="stylesheet" href="./static_content/swagger-ui.css"></head>
<body><div id="swagger-ui"></div>
<script src="./static_content/swagger-ui-bundle.js"></script>
<script src="./static_content/swagger-ui-standalone-preset.js"></script>
<script src="./static_content/swagger-initializer.js"></script></body>
</html>
"""


def describe(predictor: Predictor) -> dict[str, Any]:
    """The description, OpenAPI 3.1; the request's schema comes from the request model."""
    request = predictor.request.schema()
    schemas = request.pop("$defs")
    schemas |= {
        "Request": request,
        "Predictions": _answer("predictions", _prediction(predictor)),
        "Explanations": _answer("explanations", _explanation()),
        "Refusal": _refusal(),
    }
    limits = f"At most {predictor.serve.max_rows} rows and {predictor.serve.max_body:,} bytes a request."
    explain = f"At most {predictor.serve.explain_rows} rows, {predictor.serve.explain_top} features a row."
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Predictions of {predictor.signature.target}", "version": predictor.release["release"]},
        "paths": {
            "/predict": {"post": _post("Predict one or many rows", limits, "Predictions", predictor, HEADERS)},
            "/explain": {"post": _post("What moves each score", explain, "Explanations", predictor, HEADERS[:1])},
            "/release": {"get": _get("The release that is served, and its lineage", "application/json")},
            "/healthz": {"get": _get("Whether the service runs", "text/plain")},
            "/readyz": {"get": _get("Whether the service takes requests", "text/plain")},
            "/metrics": {"get": _get("Metrics for Prometheus", "text/plain")},
        },
        "components": {"schemas": schemas},
    }


def _prediction(predictor: Predictor) -> dict[str, Any]:
    score = {
        "binary": "Probability of the positive class.",
        "multiclass": "Probability of the likeliest class.",
        "regression": "The predicted value.",
    }[predictor.signature.task]
    fields: dict[str, Any] = {"id": TEXT, "score": {**NUMBER, "description": score}, "flags": FLAGS}
    if predictor.signature.task != "regression":
        classes = list(predictor.signature.classes)
        fields["label"] = {"type": "string", "enum": classes, "description": "The predicted class."}
        fields["probabilities"] = {"type": "object", "properties": dict.fromkeys(classes, NUMBER)}
    return {"type": "object", "required": [name for name in fields if name != "flags"], "properties": fields}


def _explanation() -> dict[str, Any]:
    contributions = {"type": "array", "items": CONTRIBUTION, "description": "SHAP values in the raw score's unit."}
    fields = {"id": TEXT, "base": NUMBER, "label": TEXT, "contributions": contributions}
    return {"type": "object", "required": ["id", "base", "contributions"], "properties": fields}


def _answer(name: str, item: dict[str, Any]) -> dict[str, Any]:
    fields = {"release": TEXT, "request_id": TEXT, name: {"type": "array", "items": item}}
    return {"type": "object", "required": list(fields), "properties": fields}


def _refusal() -> dict[str, Any]:
    fields = {"error": TEXT, "problems": {"type": "array", "items": PROBLEM}, "request_id": TEXT}
    return {"type": "object", "required": list(fields), "properties": fields}


def _post(summary: str, limits: str, answer: str, predictor: Predictor, headers: list[Any]) -> dict[str, Any]:
    refusal = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    body = {"schema": {"$ref": "#/components/schemas/Request"}, "example": predictor.request.example}
    refusals = {
        "400": "The body is not JSON",
        "413": "The body is too large",
        "415": "The body is encoded",
        "422": "A field is invalid",
    }
    return {
        "summary": summary,
        "description": limits,
        "parameters": headers,
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": {
                "description": "Answered",
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{answer}"}}},
            },
            **{status: {"description": text, "content": refusal} for status, text in refusals.items()},
        },
    }


def _get(summary: str, kind: str) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": {"description": "Answered", "content": {kind: {}}}}}
