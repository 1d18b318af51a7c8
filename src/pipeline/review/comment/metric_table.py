"""The metric table: main, this pull request, the change with its interval, and what judges it."""

from collections.abc import Sequence
from typing import Any

from pipeline.core.tasks import higher_is_better, label
from pipeline.markup.markdown import TOO_FEW, Markdown, bold, cut, escape, interval, number, table
from pipeline.review.comment.facts import Facts, finite
from pipeline.review.comment.few_rows import enough_in_all
from pipeline.review.comment.rules import ICONS, SENTENCE, no_wrap
from pipeline.review.comment.rules import change as signed
from pipeline.review.gate.verdict import Change

NOT_JUDGED = Markdown("not judged")


def metrics(facts: Facts) -> str | None:
    """Every metric: main, this pull request, the change with its interval, and what judges it."""
    changes = facts.verdict.metrics
    if not changes:
        return _recorded(facts)
    compared = any(change.champion is not None for change in changes)
    if not compared:
        return _without_comparison(facts, changes)
    rows = [_row(_name(change.metric, facts), change, _verdicts(change.metric, facts)) for change in changes]
    rows += _thresholds(facts)
    head = ["metric", "main", "this PR", "change", f"{facts.confidence} interval", "verdict"]
    return f"{table(head, rows, 'lrrrrl')}\n\n{_legend(facts)}"


Row = tuple[Markdown, ...]


def _row(name: Markdown, change: Change, judged: Markdown) -> Row:
    figure, between = signed(change.change, change.lower, change.upper)
    return (
        name,
        number(finite(change.champion)),
        number(finite(change.candidate)),
        no_wrap(f"{arrow(change)} {figure}"),
        between if finite(change.lower) is not None or finite(change.change) is None else TOO_FEW,
        judged,
    )


def _thresholds(facts: Facts) -> list[Row]:
    """The decision threshold of both models, and what they decide at main's where theirs differ."""
    pair = facts.verdict.thresholds
    if pair is None:
        return []
    main, here = finite(pair.champion), finite(pair.candidate)
    moved = None if main is None or here is None else here - main
    own = (number(main), number(here), signed(moved, None, None)[0], Markdown("–"))
    common = [
        _row(Markdown(f"{escape(label(change.metric))}, both at {number(main)}"), change, NOT_JUDGED)
        for change in pair.common
    ]
    return [(Markdown("Decision threshold"), *own, NOT_JUDGED), *common]


def arrow(change: Change) -> str:
    """▲ better, ▼ worse, ≈ where the interval includes no change; which way is good depends on the metric. Empty
    where the rows are too few to tell."""
    lower, upper, value = finite(change.lower), finite(change.upper), finite(change.change)
    if value is None or lower is None or upper is None:
        return ""
    if lower <= 0 <= upper:
        return "≈"
    return "▲" if (value > 0) == higher_is_better(change.metric) else "▼"


def _name(metric: str, facts: Facts) -> Markdown:
    return Markdown(f"{bold(label(metric))} ★") if metric == facts.primary else escape(label(cut(metric)))


def _verdicts(metric: str, facts: Facts) -> Markdown:
    judged = [rule for rule in facts.verdict.rules if rule.kind in ("regression", "floor")]
    verdicts = [
        f"{ICONS[rule.verdict]} {'floor' if rule.kind == 'floor' else rule.verdict}"
        for rule in judged
        if rule.subject.metric == metric
    ]
    return Markdown(" · ".join(reversed(verdicts))) if verdicts else NOT_JUDGED


def _legend(facts: Facts) -> str:
    verdict = facts.verdict
    total = "" if verdict.compared == verdict.rows else f" of {verdict.rows:,}"
    leading = next((rule for rule in verdict.rules if rule.kind == "regression"), None)
    include = leading is not None and leading.verdict == "pass" and verdict.verdict != "pass"  # else in the headline
    sentence = f": {escape(cut(leading.sentence, SENTENCE))}" if leading and include else ""
    return (
        f"<sub>▲ better · ▼ worse · ≈ the interval includes no change · ★ decides{sentence}. "
        f"Both models on the same {verdict.compared:,}{total} test rows.</sub>"
    )


def _without_comparison(facts: Facts, changes: Sequence[Change]) -> str:
    """The figures of this pull request where there is no baseline, beside those that main recorded of this target."""
    own, main = facts.bundle.json("metrics.json") or {}, facts.context.main_metrics or {}
    note = "main’s figures are those that it recorded, on its own test rows." if main else "main has no figures yet."
    if facts.main_predicts:
        main, note = {}, f"main’s model predicts something else ({escape(facts.main_predicts)})."
    rows = [
        (
            _name(change.metric, facts),
            *([number(_value(main, change.metric))] if main else []),
            number(finite(change.candidate)),
            _own_interval(own, change.metric, facts),
            _verdicts(change.metric, facts),
        )
        for change in changes
    ]
    if pair := facts.verdict.thresholds:
        recorded_one = [number(finite(main.get("threshold")))] if main else []
        here = number(finite(pair.candidate))
        rows.append((Markdown("Decision threshold"), *recorded_one, here, Markdown("–"), NOT_JUDGED))
    recorded = ["main (recorded)"] if main else []
    head = ["metric", *recorded, "this PR", f"{facts.confidence} interval of this PR", "verdict"]
    return f"{table(head, rows, 'lrrrl' if main else 'lrrl')}\n\n<sub>Not compared row by row: {note}</sub>"


def _recorded(facts: Facts) -> str | None:
    """The recorded metrics where nothing was scored, because the model is main's."""
    own = facts.bundle.json("metrics.json") or facts.context.main_metrics
    if not own or facts.bundle.measurement.outcome == "failed":
        return None
    rows = [
        (_name(name, facts), number(_value(own, name)), Markdown("≈ 0"), _own_interval(own, name, facts))
        for name in own
        if _value(own, name) is not None and isinstance(own[name], dict)
    ]
    return table(["metric", "main and this PR", "change", f"{facts.confidence} interval"], rows[:12], "lrrr")


def _value(metrics: Any, name: str) -> float | None:
    estimate = metrics.get(name)
    return finite(estimate.get("value")) if isinstance(estimate, dict) else None


def _own_interval(metrics: Any, name: str, facts: Facts) -> Markdown:
    estimate = metrics.get(name)
    if not isinstance(estimate, dict):
        return Markdown("–")
    rows = finite(metrics.get("rows"))
    enough = rows is None or enough_in_all(name, rows, facts)
    return interval({end: finite(estimate.get(end)) for end in ("lower", "upper")}, enough)
