"""Which charts the comment shows: changes, curves of both models, importance, drift. Numbers in, Mermaid out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.core.tasks import higher_is_better, label
from pipeline.markup.mermaid import HERE, MAIN, QUIET, WORDS, Series, bars, grid, intervals, lines
from pipeline.review.comment.facts import Facts, finite
from pipeline.review.comment.few_rows import enough_in_all
from pipeline.review.gate.verdict import Change

if TYPE_CHECKING:
    from pipeline.evaluation.curves import Points
    from pipeline.evaluation.scoring import Scored

TOP = 15  # bars
BOTH = f"{WORDS[MAIN]} · {WORDS[HERE]}"


def metrics(facts: Facts) -> str | None:
    """The change of each metric with its interval, a gain to the right; nothing where no change can be told."""
    changes = [
        (change, gain)
        for change in facts.verdict.metrics
        if enough_in_all(change.metric, facts.verdict.compared, facts) and (gain := _gain(change)) is not None
    ]
    if not any(any(gain) for _, gain in changes):  # no champion, or the same model
        return None
    percent = not all(_is_share(change.champion) and _is_share(change.candidate) for change, _ in changes)
    unit = "gain, percent of main" if percent else "gain"
    if percent:
        known = [(change, gain, finite(change.champion)) for change, gain in changes]
        changes = [(change, _scaled(gain, 100 / abs(main))) for change, gain, main in known if main]
    if not changes:
        return None
    drawn = intervals([label(change.metric) for change, _ in changes], [gain for _, gain in changes], unit)
    return f"{BOTH} · grey: the {facts.confidence} interval · further right is better\n\n{drawn}"


Gain = tuple[float, float, float]  # lower end, value, upper end


def _gain(change: Change) -> Gain | None:
    """The change with its interval, the sign turned where a metric falls as the model gets better."""
    lower, value, upper = finite(change.lower), finite(change.change), finite(change.upper)
    if lower is None or value is None or upper is None:
        return None
    return (lower, value, upper) if higher_is_better(change.metric) else (-upper, -value, -lower)


def _is_share(value: float | None) -> bool:
    known = finite(value)
    return known is not None and 0 <= known <= 1


def _scaled(gain: Gain, factor: float) -> Gain:
    lower, value, upper = (factor * end for end in gain)
    return lower, value, upper


def curves(facts: Facts) -> str | None:
    """The task's curves of both models on the same rows."""
    mine, other = facts.scores
    if mine is None:
        return None
    models = [(MAIN, other), (HERE, mine)] if other is not None else [(HERE, mine)]
    draw = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}[mine.task]
    return draw([(colour, scored) for colour, scored in models if scored is not None])


Models = Sequence[tuple[str, "Scored"]]


def _words(models: Models) -> str:
    return " · ".join(WORDS[colour] for colour, _ in models)


def _binary(models: Models) -> str | None:
    from pipeline.evaluation import curves

    drawn = [(colour, curves.draw(scored, scored.bins)) for colour, scored in models]
    if not all(found["roc"] for _, found in drawn):
        return None
    places = grid(0, 1)
    roc = [(colour, _on(places, found["roc"], "false_positive_rate", "true_positive_rate")) for colour, found in drawn]
    chart = lines(("false positive rate", places), ("true positive rate", 0, 1), [(QUIET, places), *roc])
    above = f"**ROC** · {_words(models)} · grey: chance"
    fitted = _fitted([(colour, found["calibration"]) for colour, found in drawn], "share of positives")
    shared = ", where both predict" if len(models) > 1 else ""
    below = f"\n\n**Calibration**{shared} · {_words(models)} · grey: perfect\n\n{fitted}" if fitted else ""
    return f"{above}\n\n{chart}{below}"


def _on(places: list[float], points: "Points", x: str, y: str) -> list[float]:
    """A curve on an even grid: Mermaid spreads the points of a line evenly."""
    import numpy as np

    return [float(value) for value in np.interp(places, [point[x] for point in points], [point[y] for point in points])]


def _fitted(drawn: "Sequence[tuple[str, Points]]", observed: str) -> str | None:
    """Observed over predicted, where all models predict, with the diagonal."""
    low = max(points[0]["predicted"] for _, points in drawn)
    high = min(points[-1]["predicted"] for _, points in drawn)
    if not low < high:
        return None
    places = grid(low, high)
    series: list[Series] = [(QUIET, places)]
    series += [(colour, _on(places, points, "predicted", "observed")) for colour, points in drawn]
    values = [value for _, line in series for value in line]
    return lines(("predicted", places), (observed, min(values), max(values)), series)


def _regression(models: Models) -> str:
    import numpy as np

    from pipeline.evaluation import curves

    fitted = _fitted([(c, curves.binned_means(s.target, s.score, s.bins)) for c, s in models], "observed")
    above = f"**Observed over predicted** · {_words(models)} · grey: perfect\n\n{fitted}\n\n" if fitted else ""
    residuals = [(colour, scored.target - scored.score) for colour, scored in models]
    low, high = (float(end) for end in np.quantile(np.concatenate([found for _, found in residuals]), [0.005, 0.995]))
    if not low < high:
        return above
    places, counted = grid(low, high), list[Series]()
    for colour, found in residuals:
        bars_of = curves.histogram(found, (low, high), {}, "residual")
        counted.append((colour, _on(places, bars_of, "residual", "rows")))
    top = max(max(rows) for _, rows in counted)
    chart = lines(("residual (observed − predicted)", places), ("rows", 0, top), counted)
    return f"{above}**Residuals** · {_words(models)}\n\n{chart}"


def _multiclass(models: Models) -> str:
    """F1 of each class; the rarest are left out where there are many."""
    import numpy as np

    first = models[0][1]
    frequent = np.argsort(-np.bincount(first.target.astype(int), minlength=len(first.classes)), kind="stable")[:TOP]
    series = [(colour, [_f1(scored, int(place)) for place in frequent]) for colour, scored in models]
    chart = bars([first.classes[place] for place in frequent], series, 1.0)
    left = f", the {TOP} most frequent classes" if len(first.classes) > TOP else ""
    return f"**F1 by class** · {_words(models)}{left}\n\n{chart}"


def _f1(scored: "Scored", place: int) -> float:
    said, true = scored.decisions() == place, scored.target == place
    total = float(said.sum() + true.sum())
    return 2 * float((said & true).sum()) / total if total else 0.0


def importance(facts: Facts) -> str | None:
    """Share of the gain of the features that either model uses most."""
    found = facts.bundle.json("importance.json")
    if not found:
        return None
    here = _shares({str(item["feature"]): item["gain"] for item in found})
    main = _shares({item.feature: item.gain for item in facts.bundle.measurement.champion_gains})
    names = sorted({*here, *main}, key=lambda name: -max(here.get(name, 0), main.get(name, 0)))[:TOP]
    series: list[Series] = [(MAIN, [main.get(name, 0) for name in names])] if main else []
    series.append((HERE, [here.get(name, 0) for name in names]))
    top = max(max(values) for _, values in series)
    words = BOTH if main else WORDS[HERE]
    return f"{words} · share of the gain, %\n\n{bars(names, series, top)}"


def _shares(gains: Mapping[str, Any]) -> dict[str, float]:
    known = {name: value for name, gain in gains.items() if (value := finite(gain)) is not None and value >= 0}
    total = sum(known.values())
    return {name: 100 * value / total for name, value in known.items()} if total > 0 else {}


def drift(facts: Facts) -> str | None:
    """Drift by column as a multiple of its bound, highest first."""
    source = "drift_main.json"
    found = facts.bundle.json(source)
    if not (found and found["columns"]):
        source = "drift.json"
        found = facts.bundle.json(source)
    if not (found and found["columns"]):
        return None
    strengths = [(str(column["column"]), strength) for column in found["columns"] if (strength := _strength(column))]
    strengths.sort(key=lambda pair: -pair[1])
    if not strengths:
        return None
    names, values = zip(*strengths[:TOP], strict=True)
    against = "this training data against main’s" if source == "drift_main.json" else "test rows against training rows"
    highest = min(max(1.2, *values), 10.0)
    return f"🟦 {against} · grey line: 1, the bound\n\n{bars(names, [(HERE, values)], highest, line=1.0)}"


def _strength(column: Mapping[str, Any]) -> float | None:
    """Score over bound; for a p-value, which drifts where it is low, one minus each."""
    score, bound = finite(column["score"]), finite(column["threshold"])
    if score is None or bound is None:
        return None
    if str(column["test"]).endswith("p_value"):
        score, bound = 1 - score, 1 - bound
    return max(0.0, score / bound) if bound > 0 else None
