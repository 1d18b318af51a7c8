"""The data's part of the verdict: the contract's violations, and how far the training data drifted from main's."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.core.errors import PipelineError, first_problem, listed
from pipeline.core.params import Gate
from pipeline.review.gate.verdict import Rule

EQUAL = "equal"
# How a column gives the target away, of which an older report says nothing: it names columns that are the target.
LEAKS = {
    EQUAL: "the target in other words",
    "alone": "alone nearly the target on held-out rows",
    "missing": "by being missing or not nearly the target on held-out rows",
}


def quality(report: dict[str, Any] | None) -> Rule:
    """reports/data_quality.json: any violation fails."""
    if report is None:
        return Rule("data_contract", "warn", "not measured: reports/data_quality.json is missing; `make run` makes it")
    if not isinstance(report, dict) or not isinstance(report.get("violations"), list):
        raise PipelineError("--quality: not a data quality report (it lists no violations); `make run` makes it")
    count = float(len(report["violations"]))
    if count:
        return Rule("data_contract", "fail", "broken: reports/data_quality.json lists the violations", count, bound=0)
    return Rule("data_contract", "pass", "kept", count, bound=0)


def leaks(report: dict[str, Any] | None) -> list[Rule]:
    """A rule that fails where features give the target away, by reports/data_quality.json."""
    names, kinds = ((report or {}).get(key) for key in ("leaks", "leak_kinds"))
    if not isinstance(names, list) or not names:
        return []
    by_kind: dict[str, list[str]] = {kind: [] for kind in LEAKS}
    for name in map(str, names):
        kind = kinds.get(name) if isinstance(kinds, dict) else None
        by_kind[kind if isinstance(kind, str) and kind in LEAKS else EQUAL].append(name[:80])
    said = "; ".join(f"{LEAKS[kind]}: {listed(columns)}" for kind, columns in by_kind.items() if columns)
    sentence = f"{said}; exclude them, or name each in features.allow with the reason"
    return [Rule("leak", "fail", sentence, float(len(names)), bound=0)]


class DriftReport(BaseModel):
    """The fields of an untrusted drift report that the gate uses; a share outside 0 to 1 could evade every bound."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)

    share: Annotated[float, Field(ge=0, le=1)]  # of the columns that drifted
    drifted_columns: Annotated[int, Field(ge=0)]
    columns: Annotated[list[Any], Field(max_length=20_000)]
    same: bool = False  # the rows are main's, so nothing was compared

    @model_validator(mode="after")
    def _check_drifted_columns(self) -> Self:
        if self.drifted_columns > len(self.columns):
            raise ValueError("more columns drifted than there are")
        return self


def drift_report(content: Any, source: str, remedy: str) -> DriftReport:
    """The report that a JSON file holds; PipelineError, which names the file as `source`, for anything else."""
    try:
        return DriftReport.model_validate(content)
    except ValidationError as error:
        raise PipelineError(f"{source}: not a drift report ({first_problem(error)}); {remedy}") from None


def drift(report: DriftReport | None, gate: Gate) -> Rule:
    """Drift of the training data against the champion's; judged only where gate.drift_share is set."""
    bound = gate.drift_share
    if report is None:
        return Rule("data_drift", "note" if bound is None else "warn", "not measured", bound=bound)
    share, drifted = report.share, f"{report.drifted_columns} of {len(report.columns)} columns drifted"
    if bound is None:
        return Rule("data_drift", "note", f"{drifted}; shown, not judged", share)
    if share >= bound:
        return Rule("data_drift", "fail", f"{drifted} from main's training data", share, bound=bound)
    return Rule("data_drift", "pass", drifted, share, bound=bound)
