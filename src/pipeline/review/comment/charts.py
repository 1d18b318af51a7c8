"""Which charts the comment shows: changes, curves of both models, importance, drift. Numbers in, Mermaid out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.core.tasks import higher_is_better, label
from pipeline.markup.mermaid import CANDIDATE, GREY, LEGEND, MAIN, Series, bars, grid, intervals, lines
from pipeline.review.comment.facts import Facts, finite
from pipeline.review.gate.verdict import Change

if TYPE_CHECKING:
    from pipeline.evaluation.curves import Points
    from pipeline.evaluation.scoring import Scored

TOP = 15  # bars
BOTH = f"{LEGEND[MAIN]} · {LEGEND[CANDIDATE]}"


def metrics(facts: Facts) -> str | None:
    """The change of each metric with its interval, a gain to the right; None where there is no change to show."""
    changes = [(change, gain) for change in facts.verdict.metrics if (gain := _gain(change)) is not None]
    if not any(any(gain) for _, gain in changes):  # no champion, or the same model
        return None
    percent = not all(_is_share(change.champion) and _is_share(change.candidate) for change, _ in changes)
    unit = "gain, percent of main" if percent else "gain"
    if percent:
        compared = [(change, gain, finite(change.champion)) for change, gain in changes]
        changes = [(change, _scaled(gain, 100 / abs(main))) for change, gain, main in compared if main]
    if not changes:
        return None
    chart = intervals([label(change.metric) for change, _ in changes], [gain for _, gain in changes], unit)
    return f"{BOTH} · grey: the {facts.confidence} interval · further right is better\n\n{chart}"


Gain = tuple[float, float, float]  # lower end, value, upper end


def _gain(change: Change) -> Gain | None:
    """The change with its interval, the sign turned where a metric falls as the model gets better."""
    lower, value, upper = finite(change.lower), finite(change.change), finite(change.upper)
    if lower is None or value is None or upper is None:
        return None
    return (lower, value, upper) if higher_is_better(change.metric) else (-upper, -value, -lower)


def _is_share(value: float | None) -> bool:
    number = finite(value)
    return number is not None and 0 <= number <= 1


def _scaled(gain: Gain, factor: float) -> Gain:
    lower, value, upper = (factor * end for end in gain)
    return lower, value, upper


def curves(facts: Facts) -> str | None:
    """The task's curves of both models on the same rows."""
    candidate, champion = facts.scores
    if candidate is None:
        return None
    models = [(MAIN, champion), (CANDIDATE, candidate)] if champion is not None else [(CANDIDATE, candidate)]
    draw = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}[candidate.task]
    return draw([(colour, scored) for colour, scored in models if scored is not None])


Models = Sequence[tuple[str, "Scored"]]


def _legend(models: Models) -> str:
    return " · ".join(LEGEND[colour] for colour, _ in models)


def _binary(models: Models) -> str | None:
    from pipeline.evaluation import curves

    drawn = [(colour, curves.draw(scored, scored.bins)) for colour, scored in models]
    if not all(points["roc"] for _, points in drawn):
        return None
    axis = grid(0, 1)
    roc = [(c, _on_axis(axis, points["roc"], "false_positive_rate", "true_positive_rate")) for c, points in drawn]
    chart = lines(("false positive rate", axis), ("true positive rate", 0, 1), [(GREY, axis), *roc])
    above = f"**ROC** · {_legend(models)} · grey: chance"
    fit = _fit_chart([(colour, points["calibration"]) for colour, points in drawn], "share of positives")
    note = ", where both predict" if len(models) > 1 else ""
    below = f"\n\n**Calibration**{note} · {_legend(models)} · grey: perfect\n\n{fit}" if fit else ""
    return f"{above}\n\n{chart}{below}"


def _on_axis(axis: list[float], points: "Points", x: str, y: str) -> list[float]:
    """A curve on an even grid: Mermaid spreads the points of a line evenly."""
    import numpy as np

    return [float(value) for value in np.interp(axis, [point[x] for point in points], [point[y] for point in points])]


def _fit_chart(drawn: "Sequence[tuple[str, Points]]", observed: str) -> str | None:
    """Observed over predicted, where all models predict, with the diagonal."""
    low = max(points[0]["predicted"] for _, points in drawn)
    high = min(points[-1]["predicted"] for _, points in drawn)
    if not low < high:
        return None
    axis = grid(low, high)
    series: list[Series] = [(GREY, axis)]
    series += [(colour, _on_axis(axis, points, "predicted", "observed")) for colour, points in drawn]
    values = [value for _, line in series for value in line]
    return lines(("predicted", axis), (observed, min(values), max(values)), series)


def _regression(models: Models) -> str:
    import numpy as np

    from pipeline.evaluation import curves

    fit = _fit_chart([(c, curves.binned_means(s.target, s.score, s.bins)) for c, s in models], "observed")
    above = f"**Observed over predicted** · {_legend(models)} · grey: perfect\n\n{fit}\n\n" if fit else ""
    residuals = [(colour, scored.target - scored.score) for colour, scored in models]
    low, high = (float(end) for end in np.quantile(np.concatenate([values for _, values in residuals]), [0.005, 0.995]))
    if not low < high:
        return above
    axis, series = grid(low, high), list[Series]()
    for colour, values in residuals:
        counts = curves.histogram(values, (low, high), {}, "residual")
        series.append((colour, _on_axis(axis, counts, "residual", "rows")))
    top = max(max(rows) for _, rows in series)
    chart = lines(("residual (observed − predicted)", axis), ("rows", 0, top), series)
    return f"{above}**Residuals** · {_legend(models)}\n\n{chart}"


def _multiclass(models: Models) -> str:
    """F1 of each class; the rarest are left out where there are many."""
    import numpy as np

    first = models[0][1]
    frequent = np.argsort(-np.bincount(first.target.astype(int), minlength=len(first.classes)), kind="stable")[:TOP]
    series = [(colour, [_f1(scored, int(index)) for index in frequent]) for colour, scored in models]
    chart = bars([first.classes[index] for index in frequent], series, 1.0)
    omitted = f", the {TOP} most frequent classes" if len(first.classes) > TOP else ""
    return f"**F1 by class** · {_legend(models)}{omitted}\n\n{chart}"


def _f1(scored: "Scored", index: int) -> float:
    predicted, actual = scored.decisions() == index, scored.target == index
    total = float(predicted.sum() + actual.sum())
    return 2 * float((predicted & actual).sum()) / total if total else 0.0


def importance(facts: Facts) -> str | None:
    """Share of the gain of the features that either model uses most."""
    features = facts.bundle.json("importance.json")
    if not features:
        return None
    current = _shares({str(item["feature"]): item["gain"] for item in features})
    gains = [] if facts.main_predicts else facts.bundle.measurement.champion_gains
    main = _shares({item.feature: item.gain for item in gains})
    names = sorted({*current, *main}, key=lambda name: -max(current.get(name, 0), main.get(name, 0)))[:TOP]
    series: list[Series] = [(MAIN, [main.get(name, 0) for name in names])] if main else []
    series.append((CANDIDATE, [current.get(name, 0) for name in names]))
    top = max(max(values) for _, values in series)
    words = BOTH if main else LEGEND[CANDIDATE]
    return f"{words} · share of the gain, %\n\n{bars(names, series, top)}"


def _shares(gains: Mapping[str, Any]) -> dict[str, float]:
    valid = {name: value for name, gain in gains.items() if (value := finite(gain)) is not None and value >= 0}
    total = sum(valid.values())
    return {name: 100 * value / total for name, value in valid.items()} if total > 0 else {}


def drift(facts: Facts) -> str | None:
    """Drift by column as a multiple of its bound, highest first."""
    source = "drift_main.json"
    report = facts.bundle.json(source)
    if not (report and report["columns"]):
        source = "drift.json"
        report = facts.bundle.json(source)
    if not (report and report["columns"]):
        return None
    strengths = [(str(column["column"]), strength) for column in report["columns"] if (strength := _strength(column))]
    strengths.sort(key=lambda pair: -pair[1])
    if not strengths:
        return None
    names, values = zip(*strengths[:TOP], strict=True)
    against = "this training data against main’s" if source == "drift_main.json" else "test rows against training rows"
    highest = min(max(1.2, *values), 10.0)
    return f"🟦 {against} · grey line: 1, the bound\n\n{bars(names, [(CANDIDATE, values)], highest, line=1.0)}"


def _strength(column: Mapping[str, Any]) -> float | None:
    """Score over bound; for a p-value, which drifts where it is low, one minus each."""
    score, bound = finite(column["score"]), finite(column["threshold"])
    if score is None or bound is None:
        return None
    if str(column["test"]).endswith("p_value"):
        score, bound = 1 - score, 1 - bound
    return max(0.0, score / bound) if bound > 0 else None
