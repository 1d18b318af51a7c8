"""Whether an alarm starts retraining: for which signals, and once for each until labels are added."""

from pipeline.github.client import api
from pipeline.github.drift_issue import retraining
from pipeline.github.drift_issue.state import State
from pipeline.watch.monitor.result import Result

# Signals that a model trained on newer rows may resolve.
RETRAINING_SIGNALS = frozenset({"data_drift", "prediction_drift", "performance", "missing", "unseen"})


def decide(
    number: int, pull: retraining.Retraining | None, state: State, result: Result
) -> tuple[State, str, str | None]:
    """Start retraining where it is due; the new state, the action that the issue names, and what went wrong."""
    if pull and pull.number != state.retraining:
        return state, _pull_request(pull), None
    signals = RETRAINING_SIGNALS.intersection(state.signals)
    if not signals:
        return state, "retraining helps with none of these: check the service and its clients.", None
    labelled = result.labels.rows if result.labels.joined else 0
    if signals <= set(state.asked) and labelled <= state.labelled:
        return state, f"{retraining.STARTED}.", None
    try:
        reason = retraining.start(number)
    except api.RefusedError as problem:
        return state, "retraining could not be started; the run's log says why.", str(problem)
    if reason:
        return state, f"retraining can't be started: {reason}.", None
    changes = {"asked": tuple(sorted({*state.asked, *signals})), "labelled": labelled}
    return state.updated("retraining was started", at=result.until, **changes), f"{retraining.STARTED}.", None


def _pull_request(pull: retraining.Retraining) -> str:
    if pull.state == "open":
        return f"#{pull.number} adds the newly labelled rows; a person merges it."
    if pull.state == "refused":
        return f"#{pull.number} was closed without being merged. {retraining.BY_HAND}"
    return f"#{pull.number} is merged; this issue is closed when its model is in production."
