"""The model, ready to answer requests: no HTTP here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipeline.core import params
from pipeline.data.contract import schema
from pipeline.models import model_text, signature
from pipeline.models.signature import Signature
from pipeline.ship.service import answers, columns, release
from pipeline.ship.service.booster import Booster
from pipeline.ship.service.request import RequestModel, refuse
from pipeline.ship.service.request_rows import Rows

LINES = msgspec.json.Encoder().encode_lines


class Predicted(NamedTuple):
    content: bytes  # the answer as JSON
    rows: list[Any]
    lines: bytes  # each row's prediction as a line of JSON: the answer and the log are made of the same bytes
    flagged: int
    sent: bytes  # the body; empty where the quick way in refused it, so that its text may be odd


@dataclass(frozen=True)
class Predictor:
    serve: params.Serve
    known: Signature
    release: dict[str, Any]
    request: RequestModel
    rows: Rows
    booster: Booster

    def predict(self, body: bytes, request_id: str) -> Predicted:
        """RefusalError where the body is not as it should be."""
        rows, matrix, quick = self.read(body)
        flags = self.rows.flags(rows, matrix)
        lines = LINES(answers.predictions(self.booster.predict(matrix), self.known, request_id, flags))
        head = msgspec.json.encode({"release": self.release["release"], "request_id": request_id})[:-1]
        content = b'%b,"predictions":[%b]}' % (head, lines[:-1].replace(b"\n", b","))
        return Predicted(content, rows, lines, len(flags), body if quick else b"")

    def explain(self, body: bytes, request_id: str) -> bytes:
        """The answer as JSON: each row's base value and strongest contributions; RefusalError."""
        rows, matrix, _ = self.read(body)
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

    def read(self, body: bytes) -> tuple[list[Any], Any, bool]:
        """The rows of a body, their matrix, and whether by the quick way; else by the request model, which explains."""
        try:
            rows = self.rows.decode(body)
            return rows, self.rows.encode(rows), True
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
            rows = self.rows.read(self.request.read(body))
            return rows, self.rows.encode(rows), False


def load(root: Path) -> Predictor:
    """Everything that serving needs, from a checkout or a Bento; PipelineError where something is missing or wrong."""
    serve = params.section(params.Serve, root / params.PATH)
    folder = root / "models"
    known = signature.read(folder / model_text.SIGNATURE)
    booster = Booster(model_text.read(folder / model_text.MODEL))
    if booster.features != len(known.features):
        raise model_text.mismatch(folder / model_text.MODEL)
    fields = columns.columns(known, schema.read(root / schema.PATH))
    return Predictor(
        serve,
        known,
        release.read(root),
        RequestModel(fields, serve.max_rows),
        Rows(known, fields, serve.max_rows),
        booster,
    )
