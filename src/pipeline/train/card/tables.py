"""The model card's tables: each function takes a stage's report and returns Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.params import Card, Data, Evaluate, Features, Split, Train
from pipeline.core.tasks import DEVIANCES, ENOUGH_ROWS, METRICS, Task, has_interval, label
from pipeline.markup.markdown import Markdown, code, escape, interval, number, table
from pipeline.models.signature import Signature

MAX_ROWS = 15  # of a table that has a row for each file or column
OUTPUTS = {
    "binary": "probability of the positive class",
    "multiclass": "probability of each class",
    "regression": "value",
}


@dataclass(frozen=True)
class Settings:
    """The sections of `params.yaml` that the card shows."""

    card: Card
    data: Data
    features: Features
    split: Split
    train: Train
    evaluate: Evaluate


def summary(signature: Signature, metrics: Mapping[str, Any]) -> Markdown:
    """One sentence: what it predicts and how well by the task's first metric."""
    name = headline(signature.task, metrics)
    interval_text = interval(metrics[name], has_interval(name, metrics["rows"], _rarer(metrics)))
    return Markdown(
        f"LightGBM, {signature.task}: predicts {code(signature.target)}. "
        f"{escape(label(name))} {number(metrics[name]['value'])} ({interval_text}) "
        f"on {number(metrics['rows'])} test rows."
    )


def headline(task: Task, metrics: Mapping[str, Any]) -> str:
    """The first of the task's metrics that is among `metrics`."""
    return next((name for name in METRICS[task] if name in metrics), next(iter(METRICS[task])))


def model(signature: Signature, training: Mapping[str, Any]) -> Markdown:
    rows: list[tuple[str, Any]] = [
        ("Kind", f"gradient-boosted trees (LightGBM), {training['best_iteration']:,} iterations"),
        ("Task", signature.task),
        ("Predicts", code(signature.target)),
        ("Output", OUTPUTS[signature.task]),
    ]
    if signature.task == "binary":
        rows += [("Positive class", code(signature.positive)), ("Decision threshold", signature.threshold)]
    if signature.task == "multiclass":
        rows.append(("Classes", ", ".join(signature.classes)))
    if signature.refitted is not None:
        learned = signature.refitted
        rows.append(("Learned from", f"all {learned.count:,} rows, {learned.first} to {learned.last}"))
    columns = f"{len(signature.columns):,} columns, {len(signature.features):,} features"
    trained_on = f"{training['device']}, {training['platform']}"
    return table(["", ""], [*rows, ("Made from", columns), ("Trained on", trained_on)])


def data(settings: Settings, sides_report: Mapping[str, Mapping[str, Any]]) -> Markdown:
    total = sum(side["rows"] for side in sides_report.values())
    sides = [(f"Rows {name}", _side(side, total)) for name, side in sides_report.items()]
    split = "by a hash of the key" if settings.data.key else "by a hash of the row"
    split = f"by a hash of {settings.split.group}, so that each is on one side" if settings.split.group else split
    split = f"by time ({settings.split.time}): the newest rows are the test" if settings.split.time else split
    return table(
        ["", ""],
        [
            ("Source", settings.data.source),
            ("Licence", settings.card.licence),
            ("Rows", total),
            *sides,
            ("Split", split),
        ],
    )


def _side(side: Mapping[str, Any], total: int) -> str:
    """The rows of one side of the split and, where time decides, their period."""
    period = f", {side['first']} to {side['last']}" if "first" in side else ""
    return f"{side['rows']:,} ({side['rows'] / total:.0%}){period}"


def sources(source: Mapping[str, Any]) -> Markdown:
    """The fingerprint of the data: each file with size and SHA-256."""
    files = [*source["files"], *(source.get("added") or {"files": []})["files"]]
    rows = [(item["path"], item["size"], code(item["sha256"])) for item in files]
    more = [(f"and {len(rows) - MAX_ROWS:,} more in data/source.json", "", "")] if len(rows) > MAX_ROWS else []
    return table(["File", "Bytes", "SHA-256"], [*rows[:MAX_ROWS], *more], "lr")


def quality(report: Mapping[str, Any]) -> Markdown:
    """One line on the data contract."""
    violations = report.get("violations", [])
    if not violations:
        return Markdown("The data keep their contract (`data/schema.yaml`).")
    return Markdown(f"The data break their contract (`data/schema.yaml`) in {len(violations):,} ways.")


def metrics(report: Mapping[str, Any], task: Task) -> Markdown:
    rows = [
        (label(name), report[name]["value"], interval(report[name], has_interval(name, report["rows"], _rarer(report))))
        for name in (*METRICS[task], *DEVIANCES.values())
        if name in report
    ]
    return table(["Metric", "Value", "Interval"], rows, "lrr")


def _rarer(metrics: Mapping[str, Any]) -> int | None:
    """The test rows of a binary target's rarer class; None for another task."""
    counts = metrics.get("confusion")
    if not counts:
        return None
    positives = counts["true_positives"] + counts["false_negatives"]
    return int(min(positives, counts["true_negatives"] + counts["false_positives"]))


def confusion(counts: Mapping[str, Any] | None) -> Markdown | None:
    if not counts:
        return None
    rows = [
        ("predicted positive", counts["true_positives"], counts["false_positives"]),
        ("predicted negative", counts["false_negatives"], counts["true_negatives"]),
    ]
    return table(["", "is positive", "is negative"], rows, "lrr")


def classes(per_class: Mapping[str, Any] | None) -> Markdown | None:
    if not per_class:
        return None
    names = ("precision", "recall", "f1", "rows")
    rows = [(name, *(_figure(item[figure], item["rows"]) for figure in names)) for name, item in per_class.items()]
    return table(["Class", *map(label, names)], rows, "lrrrr")


def slices(report: Sequence[Mapping[str, Any]], task: Task) -> Markdown | None:
    """Every slice with the first of the task's metrics that was computed for slices."""
    if not report:
        return None
    name = headline(task, report[0]["metrics"])
    rows = []
    for item in report:
        metric = item["metrics"].get(name, {})
        interval_text = interval(metric, has_interval(name, item["rows"], _rarer_of_slice(item)))
        rows.append((item["column"], item["value"], item["rows"], metric.get("value"), interval_text))
    return table(["Column", "Value", "Rows", label(name), "Interval"], rows, "llrrr")


def _rarer_of_slice(item: Mapping[str, Any]) -> int | None:
    share = item["metrics"].get("positive_rate", {}).get("value")
    return None if share is None else round(item["rows"] * min(share, 1 - share))


def fairness(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each sensitive column its groups, with the rates that its task has, and the figures that compare them."""
    return [
        {"column": column, "groups": _groups(item["groups"]), "differences": table(FIGURES, _differences(item), "lr")}
        for column, item in report.items()
    ]


def _groups(groups: Sequence[Mapping[str, Any]]) -> Markdown:
    rates = [name for name in groups[0] if name not in ("group", "negatives")] if groups else []
    rows = [(group["group"], *(_figure(group.get(rate), group["rows"]) for rate in rates)) for group in groups]
    return table(["Group", *map(label, rates)], rows, f"l{'r' * len(rates)}")


def _differences(item: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The figures that compare the groups of a sensitive column, with their intervals."""
    return [(label(name), _figure(value)) for name, value in item.items() if name != "groups"]


def _figure(value: Any, rows: int = ENOUGH_ROWS) -> Any:
    """A number as it is; an estimate, made on `rows` rows, with its interval."""
    if not isinstance(value, Mapping):
        return value
    return Markdown(f"{number(value['value'])} ({interval(value, rows >= ENOUGH_ROWS)})")


def importance(features: Sequence[Mapping[str, Any]]) -> Markdown:
    total = sum(item["shap"] for item in features) or 1.0
    rows = [(item["feature"], _percent(item["shap"] / total), _percent(item["gain"])) for item in features[:MAX_ROWS]]
    if len(features) > MAX_ROWS:
        rest = features[MAX_ROWS:]
        rows.append(
            (
                Markdown(f"{len(rest):,} others"),
                _percent(sum(i["shap"] for i in rest) / total),
                _percent(sum(i["gain"] for i in rest)),
            )
        )
    return table(["Feature", "Share of SHAP", "Share of gain"], rows, "lrr")


def drift_text(report: Mapping[str, Any]) -> Markdown:
    comparison = "reaches" if report["drifted"] else "stays under"
    features = report.get("features") or {"columns": []}
    names = [code(column["column"]) for column in features["columns"] if column["drifted"]]
    text = f"{len(names):,} of {len(features['columns']):,}" + (f" ({', '.join(names)})" if names else "")
    shown = f" Of the features in code {text} drifted, which is shown and not judged." if features["columns"] else ""
    return Markdown(
        f"Test rows against training rows: {report['drifted_columns']:,} of {len(report['columns']):,} columns drifted "
        f"({_percent(report['share'])}), which {comparison} the bound of {_percent(report['bound'])}."
        f"{shown}"
    )


def drift(drift: Mapping[str, Any]) -> Markdown | None:
    """The columns that drifted, and those that can't be compared."""
    rows: list[tuple[Any, ...]] = [
        (item["column"], item["test"], item["score"], item["threshold"]) for item in drift["columns"] if item["drifted"]
    ]
    rows += [(item["column"], f"not compared: {item['reason']}", None, None) for item in drift.get("skipped", [])]
    more = [(Markdown(f"{len(rows) - MAX_ROWS:,} more"), "", "", "")] if len(rows) > MAX_ROWS else []
    return table(["Column", "Test", "Score", "Threshold"], rows[:MAX_ROWS] + more, "llrr") if rows else None


def flattened(value: Mapping[str, Any], prefix: str = "") -> list[tuple[Markdown, str]]:
    """`section.key` and its value, for every leaf."""
    rows: list[tuple[Markdown, str]] = []
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            rows += flattened(item, f"{prefix}{key}.")
        else:
            text = ", ".join(map(str, item)) if isinstance(item, list | tuple | dict) else item
            rows.append((code(f"{prefix}{key}"), "none" if text in ("", None) else str(text)))
    return rows


FIGURES = ("Figure", "Value")


def _percent(share: float) -> Markdown:
    return Markdown(f"{share:.0%}" if share >= 0.1 else f"{share:.1%}")
