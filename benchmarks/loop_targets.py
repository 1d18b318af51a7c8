"""Whether the closed loop keeps what it promises: each target, what was reached, met or missed."""

from collections.abc import Sequence
from datetime import UTC, datetime

from benchmarks.loop_life import SHOWN, Life, Month
from benchmarks.loop_tables import Table

FALSE, LOSS, DAYS = 0.01, 0.02, 31  # share of weeks; of ROC AUC; days
Lives = Sequence[tuple[Table, Life]]


def lines(lives: Lives) -> list[str]:
    """The lines of the table."""
    judged = [_not_worse(lives), _better(lives), _still(lives), _unmoved(lives), _named(lives), *_ends(lives)]
    rows = [f"| {target} | {reached} | {'met' if met else 'missed'} |" for target, reached, met in judged]
    return ["| target | reached | |", "| --- | --- | --- |", *rows]


def _not_worse(lives: Lives) -> tuple[str, str, bool]:
    quarters = [quarter for _, life in lives for quarter in life.quarters]
    worse = [f"{quarter.table} {quarter.start}" for quarter in quarters if quarter.gain.high < 0]
    reached = f"{len(worse)} of {len(quarters)} quarters worse{_names(worse)}"
    return "the loop’s model is not worse than the first in any quarter beyond noise", reached, not worse


def _better(lives: Lives) -> tuple[str, str, bool]:
    """Of quarters in which the first model is worse than measured and a retrained one served."""
    moved = [
        quarter
        for _, life in lives
        for quarter in life.quarters
        if quarter.loss.low > 0 and (quarter.gain.low, quarter.gain.high) != (0, 0)
    ]
    not_better = [f"{quarter.table} {quarter.start}" for quarter in moved if quarter.gain.low <= 0]
    reached = f"{len(moved) - len(not_better)} of {len(moved)} quarters{_names(not_better, 'not')}"
    return "better where truth moved and a retrained model served", reached, not not_better


def _still(lives: Lives) -> tuple[str, str, bool]:
    weeks = {name: _weeks([m for table, life in lives if table.still for m in life.months], name) for name in SHOWN}
    reached = ", ".join(f"{name.replace('_', ' ')} {alarms} of {count}" for name, (alarms, count) in weeks.items())
    met = all(alarms <= FALSE * count for alarms, count in weeks.values())
    return f"alarms in at most {FALSE:.0%} of the weeks of planted tables in which nothing moves", reached, met


def _unmoved(lives: Lives) -> tuple[str, str, bool]:
    """Performance in months in which the served model was as good as measured, of tables whose truth is not planted."""
    months = [month for table, life in lives if not (table.still or table.moves) for month in life.months]
    alarms, count = _weeks([month for month in months if month.loss.value <= 0], "performance")
    target = "performance alarms in at most 1 % of the weeks of months in which the model was no worse than measured"
    return target, f"{alarms} of {count} weeks of real tables", alarms <= FALSE * count


def _named(lives: Lives) -> tuple[str, str, bool]:
    """Months of a true loss: its interval lies above the size."""
    months = [m for _, life in lives for m in life.months if m.metric == "roc_auc" and m.loss.low > LOSS]
    silent = [f"{month.table} {month.start}" for month in months if not month.alarmed["performance"]]
    reached = f"{len(months) - len(silent)} of {len(months)} months{_names(silent, 'not')}"
    return f"a loss above {LOSS} ROC AUC (its interval) is named in its month", reached, not silent


def _ends(lives: Lives) -> list[tuple[str, str, bool]]:
    """Of planted tables with a loss: how soon it was named; and whether performance’s alarm ends after retraining."""
    rows = list[tuple[str, str, bool]]()
    for table, life in lives:
        if table.moves and any(month.loss.low > 0 for month in life.months):
            alarms = [datetime.fromisoformat(look) for month in life.months for look in month.alarmed["performance"]]
            since = datetime.fromisoformat(table.moves).replace(tzinfo=UTC)
            after = [(look - since).days for look in alarms if look > since]
            reached = f"after {after[0]} days" if after else "never"
            named = bool(after) and (after[0] <= DAYS or table.name != "planted: sudden")
            rows.append((f"{table.name}: a loss is named", reached, named))
    pairs = [(b, a) for _, life in lives for b, a in zip(life.months, life.months[1:], strict=False)]
    pairs = [(before, after) for before, after in pairs if before.merged and before.alarmed["performance"]]
    stay = [f"{after.table} {after.start}" for _, after in pairs if after.looks[-1] in after.alarmed["performance"]]
    reached = f"{len(pairs) - len(stay)} of {len(pairs)} by the end of the month after{_names(stay, 'not')}"
    return [*rows, ("performance’s alarm ends after retraining", reached, not stay)]


def _weeks(months: Sequence[Month], name: str) -> tuple[int, int]:
    """Weeks with an alarm, and weeks."""
    weeks = [week for month in months for week in month.weeks(name)]
    return sum(weeks), len(weeks)


def _names(names: Sequence[str], word: str = "") -> str:
    return f" ({word + ': ' if word else ''}{', '.join(names)})" if names else ""
