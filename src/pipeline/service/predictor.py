"""The model, ready to answer requests: no HTTP here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pipeline import params
from pipeline.data import schema
from pipeline.models import model_text, signature
from pipeline.models.signature import Signature
from pipeline.service import answers, columns, release
from pipeline.service.answers import Answer, Prediction
from pipeline.service.booster import Booster
from pipeline.service.request import RequestModel, refuse
from pipeline.service.rows import Rows


@dataclass(frozen=True)
class Predictor:
    serve: params.Serve
    known: Signature
    release: dict[str, Any]
    request: RequestModel
    rows: Rows
    booster: Booster

    def predict(self, body: bytes, request_id: str) -> tuple[bytes, list[Any], list[Prediction]]:
        """The answer as JSON, its rows and their predictions; RefusalError where the body is not as it should be."""
        rows, matrix = self.read(body)
        told = answers.predictions(self.booster.predict(matrix), self.known, request_id, self.rows.flags(rows, matrix))
        return msgspec.json.encode(Answer(self.release["release"], request_id, told)), rows, told

    def explain(self, body: bytes, request_id: str) -> bytes:
        """The answer as JSON: each row's base value and strongest contributions; RefusalError."""
        rows, matrix = self.read(body)
        if len(rows) > self.serve.explain_rows:
            allowed = f"a list of 1 to {self.serve.explain_rows} rows"
            raise refuse(422, "rows", f"holds {len(rows)} rows, too many to explain", allowed)
        told = answers.explained(
            self.booster.contributions(matrix), self.known, self.rows.sources, self.serve.explain_top
        )
        named = [{"id": f"{request_id}-{at}", **one} for at, one in enumerate(told)]
        return msgspec.json.encode(
            {"release": self.release["release"], "request_id": request_id, "explanations": named}
        )

    def read(self, body: bytes) -> tuple[list[Any], Any]:
        """The rows of a body and their matrix: by the quick way, else by the request model, which explains."""
        try:
            rows = self.rows.decode(body)
            return rows, self.rows.encode(rows)
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
            rows = self.rows.read(self.request.read(body))
            return rows, self.rows.encode(rows)


def load(root: Path) -> Predictor:
    """Everything that serving needs, from a checkout or a Bento; PipelineError where something is missing or wrong."""
    serve = params.section(params.Serve, root / params.PATH)
    folder = root / "models"
    known = signature.read(folder / model_text.SIGNATURE)
    booster = Booster(model_text.read(folder / model_text.MODEL))
    if booster.features != len(known.features):
        raise model_text.misfit(folder / model_text.MODEL)
    fields = columns.columns(known, schema.read(root / schema.PATH))
    return Predictor(
        serve,
        known,
        release.read(root),
        RequestModel(fields, serve.max_rows),
        Rows(known, fields, serve.max_rows),
        booster,
    )
