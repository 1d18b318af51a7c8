"""Logged rows, answered again by marked requests: as clients sent them, so each release takes the columns it needs."""

from collections.abc import Sequence
from typing import Any

import msgspec

from pipeline.core.errors import PipelineError, listed
from pipeline.predictions.line import Flags, Line, Prediction
from pipeline.ship.deploy.evidence import Pairs, pair
from pipeline.ship.deploy.target import Answer, Host
from pipeline.ship.release.manifest import Release

TIMEOUT = 60.0  # seconds that the replay may take for each side
LIVE_ROWS = 50  # rows of live traffic that the candidate answers again at each look, at most
LIVE_TIMEOUT = 1.0  # seconds for them
NO_FLAGS = Flags()


class AnswerBody(msgspec.Struct):
    """The body of an answer from any version of the service; those since feature code answer its features, too."""

    predictions: list[Prediction]
    features: list[dict[str, Any]] = []  # msgspec copies it


ANSWER_BODY = msgspec.json.Decoder(AnswerBody)


def lacking(release: Release, champion: Release | None, lines: Sequence[Line]) -> list[str]:
    """The columns that the candidate needs, the champion does not, and not all rows have, as of clients that do not
    send them yet: the test rows had them, so what the gate measured says nothing of such rows."""
    new = [name for name in release.features if champion and name not in champion.features]
    return [name for name in new if not all(name in line.features for line in lines)]


def compare(host: Host, champion: str, candidate: str, lines: Sequence[Line], lacking: Sequence[str]) -> Pairs:
    """The agreement on the rows that the champion answers; PipelineError where the candidate does not answer one.

    `lacking`: the columns that the candidate newly needs, and clients may not send.
    """
    bodies = [{"rows": [line.features]} for line in lines]
    own = host.predict(champion, bodies, TIMEOUT)
    answered = [(body, first) for body, answer in zip(bodies, own, strict=False) if (first := first_prediction(answer))]
    answers = host.predict(candidate, [body for body, _ in answered], TIMEOUT)
    predictions = list[Prediction]()
    for index, answer in enumerate(answers):
        prediction = first_prediction(answer)
        if prediction is None:
            remedy = (
                f"; make {listed(lacking)} nullable in data/schema.yaml until all clients send it" if lacking else ""
            )
            raise PipelineError(f"replay: row {index} answered {answer.status} {answer.text[:200]}{remedy}")
        predictions.append(prediction)
    return pair([first for _, first in answered[: len(predictions)]], predictions)


def omitted(champion: Release | None, lines: Sequence[Line]) -> list[str]:
    """The columns that the champion answered with and its log leaves out: a row without a value has a flag instead."""
    return [
        name
        for name in (champion.features if champion else [])
        if any(name not in line.features and name not in (line.flags or NO_FLAGS).missing for line in lines)
    ]


def ask_again(host: Host, release: str, logged: Sequence[Line]) -> Pairs:
    """The agreement on rows that the champion has just answered, sent to the candidate as marked requests."""
    lines = logged[:LIVE_ROWS]
    answers = host.predict(release, [{"rows": [line.features]} for line in lines], LIVE_TIMEOUT)
    both = [(line, first) for line, answer in zip(lines, answers, strict=False) if (first := first_prediction(answer))]
    return pair([line for line, _ in both], [prediction for _, prediction in both])


def first_prediction(answer: Answer) -> Prediction | None:
    """The first row's prediction; None where there is none."""
    body = _body(answer)
    return body.predictions[0] if body and body.predictions else None


def first_features(answer: Answer) -> dict[str, Any]:
    """The first row's features in code; none where the service does not tell them."""
    body = _body(answer)
    return body.features[0] if body and body.features else {}


def _body(answer: Answer) -> AnswerBody | None:
    if answer.status != 200:
        return None
    try:
        return ANSWER_BODY.decode(answer.text)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
