"""The model, ready to answer requests; without HTTP."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipeline.core import params
from pipeline.data.contract import schema
from pipeline.models import feature_code, model_text, signature
from pipeline.models.signature import Signature
from pipeline.ship.service import answers, columns, release
from pipeline.ship.service.booster import Booster
from pipeline.ship.service.request import RequestModel, refuse
from pipeline.ship.service.request_rows import Rows

LINES = msgspec.json.Encoder().encode_lines


class Predicted(NamedTuple):
    content: bytes  # the answer as JSON
    rows: list[Any]
    lines: bytes  # each row's prediction as a line of JSON: the answer and the log use the same bytes
    flagged: int
    with_retired: int  # rows in which a retired field was sent
    body: bytes  # as it was sent; where the fast path refused it, what was read of it; empty where that can't be told


class Read(NamedTuple):
    """The rows of a body, their matrix, and whether the fast path accepted it; else the request model read it."""

    rows: list[Any]
    matrix: Any
    is_fast: bool


@dataclass(frozen=True)
class Predictor:
    serve: params.Serve
    signature: Signature
    release: dict[str, Any]
    request: RequestModel
    rows: Rows
    booster: Booster

    def predict(self, body: bytes, request_id: str, with_features: bool = False, read: Read | None = None) -> Predicted:
        """The answer to a body; RefusalError where the body is invalid.

        `with_features`: with the values of the features that the project's code computes. `read`: the body, if it was
        read already.
        """
        rows, matrix, is_fast = read or self.read(body)
        flags = self.rows.flags(rows, matrix)
        lines = LINES(answers.predictions(self.booster.predict(matrix), self.signature, request_id, flags))
        head = msgspec.json.encode({"release": self.release["release"], "request_id": request_id})[:-1]
        content = b'%b,"predictions":[%b]}' % (head, lines[:-1].replace(b"\n", b","))
        if with_features and self.signature.derived:
            features = msgspec.json.encode(answers.features(matrix, self.signature))
            content = b'%b,"features":%b}' % (content[:-1], features)
        with_retired = self.rows.count_retired(rows)
        return Predicted(content, rows, lines, len(flags), with_retired, body if is_fast else as_read(body))

    def explain(self, body: bytes, request_id: str) -> bytes:
        """The answer as JSON: each row's base value and strongest contributions; RefusalError."""
        rows, matrix, _ = self.read(body)
        if len(rows) > self.serve.explain_rows:
            allowed = f"a list of 1 to {self.serve.explain_rows} rows"
            raise refuse(422, "rows", f"holds {len(rows)} rows, too many to explain", allowed)
        explanations = answers.explain(
            self.booster.contributions(matrix), self.signature, self.rows.sources, self.serve.explain_top
        )
        named = [{"id": f"{request_id}-{index}", **row} for index, row in enumerate(explanations)]
        return msgspec.json.encode(
            {"release": self.release["release"], "request_id": request_id, "explanations": named}
        )

    def read_together(self, bodies: Sequence[bytes]) -> Sequence[Read | None]:
        """Bodies whose rows are encoded at once; None for what has to be read by itself: what the fast path refuses, or
        all of them where a project's function fails for one."""
        decoded = [self._decoded(body) for body in bodies]
        try:
            matrix = self.rows.encode([*chain.from_iterable(decoded)])
        except Exception:
            return [None] * len(bodies)
        ends = accumulate(map(len, decoded))
        return [
            Read(rows, matrix[end - len(rows) : end], True) if rows else None
            for rows, end in zip(decoded, ends, strict=True)
        ]

    def _decoded(self, body: bytes) -> list[Any]:
        try:
            return self.rows.decode(body)
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
            return []

    def read(self, body: bytes) -> Read:
        """The rows of a body; RefusalError where it is invalid."""
        try:
            rows = self.rows.decode(body)
            return Read(rows, self.rows.encode(rows), True)
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
            rows = self.rows.read(self.request.read(body))
            return Read(rows, self.rows.encode(rows), False)


def as_read(body: bytes) -> bytes:
    """The rows of a body that the request model accepted, as JSON: of two values of a key the last one counts, and
    numbers keep all their digits. Empty where a value that does not count nests too deeply or is too long a number."""
    try:
        return json.dumps({"rows": json.loads(body)["rows"]}, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return b""


def load(root: Path) -> Predictor:
    """Everything that serving needs, from a checkout or a Bento; PipelineError where something is missing or wrong."""
    serve = params.section(params.Serve, root / params.PATH)
    folder = root / "models"
    model_signature = signature.read(folder / model_text.SIGNATURE)
    booster = Booster(model_text.read(folder / model_text.MODEL))
    if booster.features != len(model_signature.features):
        raise model_text.mismatch(folder / model_text.MODEL)
    contract = schema.read(root / schema.PATH)
    fields, retired = columns.columns(model_signature, contract), columns.retired(model_signature, contract)
    unused, code = columns.unused(model_signature, contract), feature_code.of_model(folder, model_signature)
    return Predictor(
        serve,
        model_signature,
        release.read(root),
        RequestModel(fields, serve.max_rows, retired, unused),
        Rows(model_signature, fields, serve.max_rows, retired, unused, code),
        booster,
    )
