"""The data's part of the verdict: the contract's violations, and how far the training data drifted from main's."""

from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.core.params import Gate
from pipeline.review.gate.verdict import Rule


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


def drift(report: dict[str, Any] | None, gate: Gate) -> Rule:
    """Drift of the training data against the champion's; judged only where gate.drift_share is set."""
    bound = gate.drift_share
    if report is None:
        return Rule("data_drift", "note" if bound is None else "warn", "not measured", bound=bound)
    if not _is_drift_report(report):
        raise PipelineError(
            "--drift: not a drift report (no share, drifted_columns, columns); `pipeline drift` writes it"
        )
    share, shown = float(report["share"]), f"{report['drifted_columns']} of {len(report['columns'])} columns drifted"
    if bound is None:
        return Rule("data_drift", "note", f"{shown}; shown, not judged", share)
    if share >= bound:
        return Rule("data_drift", "fail", f"{shown} from main's training data", share, bound=bound)
    return Rule("data_drift", "pass", shown, share, bound=bound)


def _is_drift_report(report: Any) -> bool:
    kinds = {"share": int | float, "drifted_columns": int, "columns": list}
    return isinstance(report, dict) and all(isinstance(report.get(name), kind) for name, kind in kinds.items())
