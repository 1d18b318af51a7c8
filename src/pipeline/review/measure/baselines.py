"""The models that the candidate is compared with, found, rebuilt where necessary, and scored on the same rows."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import click

from pipeline.core import files, params
from pipeline.core.errors import PipelineError
from pipeline.evaluation import scoring
from pipeline.models import model, signature
from pipeline.review.baseline import champion
from pipeline.review.baseline.scored import TEST, score_baseline, scored_rows
from pipeline.review.measure.base import Base
from pipeline.review.measure.measurement import Champion, Gain
from pipeline.review.measure.printed import clean

MAX_GAINS = 10_000  # gains that a measurement holds
IMPORTANCE = Path("reports/importance.json")


@dataclass(frozen=True)
class MeasuredBaseline:
    """Its entry in the measurement, its scores where there are any, and its model's gains and features."""

    champion: Champion
    scored: scoring.Scored | None = None
    gains: list[Gain] = field(default_factory=list)
    features: list[str] | None = None


def measure_baseline(base: Base, candidate: scoring.Scored, knobs: params.Params, rebuild: bool) -> MeasuredBaseline:
    """The model of the base on the candidate's test rows; what is missing becomes a state with its reason."""
    if base.commit is None:
        return MeasuredBaseline(Champion(state=base.state, name=base.name, reason=clean(base.reason)))
    base_model = champion.find(base.name, download=False)
    if rebuild and base_model.state == "missing" and base_model.hashes:
        base_model = _rebuild(base_model)
    table = partial(scored_rows, TEST, knobs.data.key, candidate)
    baseline = score_baseline(base_model, candidate, knobs.task.target, table)
    reason = clean(baseline.reason)
    entry = Champion(state=baseline.state, name=baseline.name[:1000], reason=reason, model=base_model.model)
    gains, features = _gains_and_features(base_model)
    return MeasuredBaseline(entry, baseline.scored, gains, features)


def columns(base: Base) -> list[str] | None:
    """The columns of the data that the base's model needs; None where that model can't be read."""
    model_folder = champion.find(base.name, download=False).measured if base.commit else None
    try:
        return signature.read(model_folder / model.SIGNATURE).columns if model_folder else None
    except PipelineError:
        return None


def missing(baseline: MeasuredBaseline) -> str | None:
    """A note where there is no baseline to compare with; None otherwise."""
    if baseline.champion.state in {"scored", "same"}:
        return None
    return clean(f"not compared with the model of {baseline.champion.name}: {baseline.champion.reason}")


def _rebuild(base_model: champion.Champion) -> champion.Champion:
    from pipeline.review.baseline.rebuild import rebuild

    click.echo(f"measure: training the model of {base_model.base} again, in a work tree of it ...")
    try:
        return rebuild(base_model)
    except PipelineError as error:
        return replace(base_model, reason=f"its files are unavailable, and it can't be trained again: {error}")


def _gains_and_features(base_model: champion.Champion) -> tuple[list[Gain], list[str] | None]:
    """Each feature's share of the gain, largest first, and all features' names; nothing where they can't be read."""
    if base_model.measured is None:
        return [], None
    try:
        names = [feature.name for feature in signature.read(base_model.measured / model.SIGNATURE).features]
        if base_model.same:
            shares = [(str(row["feature"]), float(row["gain"])) for row in files.read_json(IMPORTANCE)]
        else:
            shares = list(zip(names, map(float, model.load(base_model.measured).gains()), strict=True))
    except (PipelineError, KeyError, TypeError, ValueError):
        return [], None
    gains = sorted(shares, key=lambda share: (-share[1], share[0]))[:MAX_GAINS]
    return [Gain(feature=name[:1000], gain=round(gain, 6)) for name, gain in gains], [name[:1000] for name in names]
