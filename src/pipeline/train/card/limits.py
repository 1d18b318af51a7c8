"""The model card's limits: what must not be concluded from the reports, derived from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.tasks import higher_is_better
from pipeline.features.code import FeatureCode
from pipeline.markup.markdown import Markdown, code, escape, number
from pipeline.models.signature import Signature
from pipeline.train.card.tables import Settings, headline

SMALL_SLICE, SMALL_GROUP, DOMINANT = 200, 50, 0.3
NAMED = 8  # names in one sentence


@dataclass(frozen=True)
class Evidence:
    """What the other stages wrote, as read from their files."""

    signature: Signature
    training: Any
    metrics: Any
    slices: Any
    fairness: Any
    importance: Any
    drift: Any
    quality: Any
    split: Any
    source: Any
    hashes: dict[str, str]  # file: MD5
    code: FeatureCode | None = None  # None where the model sees no feature of the project's code


def limits(settings: Settings, evidence: Evidence) -> list[Markdown]:
    """One sentence for each thing that the reader must not conclude."""
    signature, metrics = evidence.signature, evidence.metrics
    candidates = [
        escape(f"Not for: {settings.card.not_for}"),
        _time(settings, metrics["rows"]),
        *_shared(evidence.split["shared"]),
        _small_slices(evidence.slices),
        _weak_slices(evidence.slices, metrics, signature),
        _fairness(evidence.fairness),
        _drift(evidence.drift),
        _dominant(evidence.importance),
        _inputs(signature),
        None
        if evidence.training["device"] == "cpu"
        else Markdown("Trained on a GPU: training again gives nearly the same model, not the same bytes."),
        Markdown("Associations, not causes: importance says what the model uses, not what would change the outcome."),
    ]
    return [limit for limit in candidates if limit]


def _time(settings: Settings, rows: int) -> Markdown:
    if settings.split.time:
        return Markdown(
            f"Measured once, on the newest {rows:,} rows by {code(settings.split.time)}; "
            "the intervals cover chance in those rows, not later changes."
        )
    return Markdown(
        f"Measured once, on {rows:,} rows drawn from the same data as the training rows; "
        "the intervals cover chance in those rows and say nothing about later data or other populations."
    )


def _shared(columns: list[Mapping[str, Any]]) -> list[Markdown]:
    """Columns that the test rows share with the training rows."""
    return [Markdown(f"{escape(item['sentence'])}.") for item in columns]


def _small_slices(slices: list[Mapping[str, Any]]) -> Markdown | None:
    names = [f"{item['column']} {item['value']} ({item['rows']:,})" for item in slices if item["rows"] < SMALL_SLICE]
    if not names:
        return None
    return Markdown(f"Too few test rows to judge (under {SMALL_SLICE}): {_listed(names)}.")


def _weak_slices(slices: list[Mapping[str, Any]], metrics: Any, signature: Signature) -> Markdown | None:
    """The slices whose whole interval is worse than the model's own."""
    name = headline(signature.task, metrics)
    whole, higher = metrics[name], higher_is_better(name)
    weak = [
        f"{item['column']} {item['value']}"
        for item in slices
        if item["rows"] >= SMALL_SLICE and _worse(item["metrics"].get(name), whole, higher)
    ]
    return Markdown(f"Measurably worse than overall ({escape(name)}) for: {_listed(weak)}.") if weak else None


def _worse(estimate: Any, whole: Any, higher: bool) -> bool:
    worst, best = ("upper", "lower") if higher else ("lower", "upper")
    if estimate is None or estimate.get(worst) is None or whole.get(best) is None:
        return False
    return bool(estimate[worst] < whole[best] if higher else estimate[worst] > whole[best])


def _fairness(fairness: Mapping[str, Any]) -> Markdown:
    if not fairness:
        return Markdown("Fairness was not measured: no sensitive column is named.")
    groups = [(column, group) for column, item in fairness.items() for group in item["groups"]]
    small_groups = [f"{column} {group['group']}" for column, group in groups if _is_small(group)]
    text = f"Fairness was measured for {_listed(list(fairness))} one by one, not for their combinations."
    if small_groups:
        text += f" Groups so small that their figures may be chance: {_listed(small_groups)}."
    return Markdown(text)


def _is_small(group: Mapping[str, Any]) -> bool:
    if "positives" in group:
        return bool(min(group["positives"], group["negatives"]) < SMALL_GROUP)
    return bool(group["rows"] < SMALL_SLICE)


def _drift(drift: Mapping[str, Any]) -> Markdown | None:
    names = [item["column"] for item in drift["columns"] if item["drifted"]]
    if not names:
        return None
    return Markdown(f"The test rows differ from the training rows in {_listed(names)}: the metrics hold for that mix.")


def _dominant(importance: list[Mapping[str, Any]]) -> Markdown | None:
    total = sum(item["shap"] for item in importance)
    if not importance or not total or importance[0]["shap"] / total < DOMINANT:
        return None
    share, name = f"{importance[0]['shap'] / total:.0%}", code(importance[0]["feature"])
    return Markdown(f"Depends on one feature: {name} carries {share} of SHAP; an error in it affects most predictions.")


def _inputs(signature: Signature) -> Markdown:
    n = sum(feature.kind == "category" for feature in signature.features)
    unseen = f" A category that training did not see (in {number(n)} columns) is treated as missing." if n else ""
    return Markdown(f"Values beyond the range of the training rows are scored like the nearest in that range.{unseen}")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(escape(name) for name in names[:NAMED]) + more
