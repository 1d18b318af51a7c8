"""The verdict as data: what each rule found, and the outcome of all of them."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pipeline.core.tasks import higher_is_better, inside, label
from pipeline.markup.markdown import cut

FORMAT = 2  # of reports/verdict.json; format 1 named its rules by a sentence and had no number

Kind = Literal[
    "champion",  # who the candidate is compared with
    "reference",  # the release that gate.reference names
    "floor",
    "regression",  # against the champion
    "reference_regression",
    "tolerance",  # against what another seed changes
    "slice",
    "fairness",
    "data_contract",
    "leak",  # features that give the target away
    "data_drift",
    "bounds",  # main's bounds are for another task
    "first_model",  # of another project than main's: nothing of main's can judge it
    "judge",  # the pull request changes what judges it
    "model_tests",
    "stages",
]
REGRESSIONS: tuple[Kind, ...] = ("regression", "reference_regression")
Outcome = Literal["pass", "warn", "fail"]
Mark = Literal["pass", "note", "warn", "fail"]  # note: shown, not judged


@dataclass(frozen=True)
class Subject:
    """What a rule is about: a metric (or figure of fairness), of all rows, of a column's groups, or of one slice."""

    metric: str | None = None
    column: str | None = None
    value: str | None = None  # of the column: a slice


@dataclass(frozen=True)
class Rule:
    """What one rule found: its figure with interval, the bound it was held to, and one sentence for people.

    `baseline` names the model that it is compared with; `candidate` and `champion` are the figures of both models on
    the same `rows`, where `value` is a change or a breach may be inherited.
    """

    kind: Kind
    verdict: Mark
    sentence: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    bound: float | None = None
    subject: Subject = Subject()
    baseline: str | None = None
    champion: float | None = None
    candidate: float | None = None
    rows: int | None = None

    @property
    def is_gain(self) -> bool:
        """Whether the figure is a gain over the baseline: below 0 where the candidate is worse, whatever the metric."""
        return self.kind in REGRESSIONS or self.kind == "slice"

    @property
    def at_least(self) -> bool:
        """Whether the bound is the lowest figure that passes, not the highest."""
        return (
            self.is_gain
            or self.kind == "tolerance"
            or (self.subject.metric is not None and higher_is_better(self.subject.metric))
        )

    @property
    def title(self) -> str:
        """The rule's name for people, on one line; its parts are cut to 80 characters."""
        subject = self.subject
        metric = label(subject.metric) if subject.metric else ""
        match self.kind:
            case "regression":
                return f"{metric} against {cut((self.baseline or 'the champion').removeprefix('origin/'))}"
            case "reference_regression":
                return f"{metric} since {cut(self.baseline)}"
            case "floor":
                return f"Floor of {metric}"
            case "slice":
                column = cut(subject.column)
                return f"Slices of {column}" if subject.value is None else f"Slice {column}={cut(subject.value)}"
            case "fairness":
                return f"Fairness of {cut(subject.column)}" + (f": {inside(subject.metric)}" if subject.metric else "")
            case "judge":
                return "This pull request"
            case kind:
                return kind.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Change:
    """One metric of both models on the same rows; the change is candidate minus champion, with its paired interval."""

    metric: str
    candidate: float | None
    champion: float | None = None
    change: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class Thresholds:
    """The decision threshold of each model; `common`: the metrics of both at the champion's, where theirs differ."""

    candidate: float | None
    champion: float | None = None
    common: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The worst outcome, the rules, and metrics for information; `rows` were tested, `compared` by both models."""

    verdict: Outcome
    rows: int
    compared: int
    champion: str
    rules: tuple[Rule, ...]
    metrics: tuple[Change, ...] = ()
    thresholds: Thresholds | None = None  # binary alone

    def data(self) -> dict[str, Any]:
        """Plain dictionaries and lists for JSON, with a format number; a figure that is undefined is null."""
        plain = _without_nan({"format": FORMAT, **asdict(self)})
        assert isinstance(plain, dict)
        return plain


def worst(rules: Iterable[Rule]) -> Outcome:
    """The worst verdict among the rules; notes count as a pass."""
    marks = {rule.verdict for rule in rules}
    return "fail" if "fail" in marks else "warn" if "warn" in marks else "pass"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
