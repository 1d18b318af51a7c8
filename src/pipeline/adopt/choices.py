"""From table and answers to parameters: task, key, split, features, slices, sensitive columns, gate, monitor."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipeline.adopt.columns import Column, classes
from pipeline.adopt.decisions import Decision, Finding
from pipeline.adopt.questions import NONE, Questions, one_of
from pipeline.core.errors import PipelineError, listed
from pipeline.core.figures import pluralized
from pipeline.core.tasks import METRICS, Task, higher_is_better
from pipeline.data.values import keys
from pipeline.data.values.conversion import labels
from pipeline.evaluation import leaks as leak_finder
from pipeline.evaluation.leaks import Leak
from pipeline.watch.monitor.reference_data import MIN_ROWS as WATCHED

FEW_NUMBERS = 20  # whole numbers: up to as many different ones may be classes
RARE = 0.05  # share of the rarer class below which average precision says more than ROC AUC
SLICE_VALUES = (2, 20)
MAX_SLICES = 5
WINDOW_ROWS = 400  # rows that a window of the monitor should have
FEW_ROWS = 1000
MARGIN, OF_LOSS = 0.02, 0.1  # of a floor: below a score, beyond a loss
SECTIONS = ("Task", "Rows", "Columns", "Judging")


@dataclass
class Choices:
    """Keys of params.yaml with their values, the decisions that led to them, and what a person should look at."""

    values: dict[str, Any] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)

    def decide(self, section: str, key: str, value: Any, evidence: str, reason: str = "") -> None:
        self.values[key] = value
        self.decisions.append(Decision(section, key, value, evidence, reason))

    def note(self, sentence: str, *, serious: bool = False) -> None:
        self.findings.append(Finding(sentence, serious))


def choose(table: pd.DataFrame, columns: Sequence[Column], target: str, questions: Questions) -> Choices:
    """All choices; PipelineError where the target is no column or has nothing to learn, or a question stays open."""
    by_name = {column.name: column for column in columns}
    if target not in by_name:
        raise PipelineError(f"--target: {target} is no column; columns: {listed(by_name)}")
    choices = Choices()
    task = _task(choices, by_name[target], table[target], questions)
    key = _key(choices, columns, target, questions)
    _split(choices, columns, {target, key}, questions)
    roles = {target, key, choices.values.get("split.time"), choices.values.get("split.group")}
    others = [column for column in columns if column.name not in roles]
    _features(choices, others, questions)
    _groups(choices, others, task, questions)
    _public(choices, questions)
    questions.finish()
    _leaks(choices, table, others, target, task, key)
    _rows(choices, table, target, task, key)
    _judging(choices, table, target, task)
    _monitor(choices, table)
    choices.decisions.sort(key=lambda one: SECTIONS.index(one.section))
    return choices


def _task(choices: Choices, target: Column, values: "pd.Series[Any]", questions: Questions) -> Task:
    if target.missing:
        raise PipelineError(
            f"--target: {target.name} is missing in {target.missing:,} of {target.rows:,} rows; remove these rows from "
            "the source: a model can't learn from them"
        )
    if target.distinct < 2:
        raise PipelineError(f"--target: {target.name} has the same value in all rows; name another column")
    task, evidence = _kind_of_task(target, questions)
    choices.decide("Task", "task.target", target.name, f"{target.distinct:,} different values, {target.kind}")
    choices.decide("Task", "task.type", task, evidence)
    positive = None
    if task == "binary":
        positive = _positive(choices, target, values, questions)
    else:
        choices.values["task.positive"] = None
    choices.values["task.threshold"] = "f1"
    assert task == "binary" or positive is None
    return task


def _kind_of_task(target: Column, questions: Questions) -> tuple[Task, str]:
    given = questions.given.get("task")
    allowed: tuple[Task, ...] = ("binary", "multiclass", "regression")
    if target.kind == "date":
        raise PipelineError(f"--target: {target.name} is a date; name a column of numbers or classes")
    if given is not None:
        if given == "binary" and target.distinct != 2:
            raise PipelineError(f"--task: binary needs two different values, and {target.name} has {target.distinct:,}")
        if given == "regression" and target.discrete:
            raise PipelineError(f"--task: regression needs numbers, and {target.name} is {target.kind}")
        return next(task for task in allowed if task == given), "as --task says"
    if target.distinct == 2 and target.kind != "number":
        return "binary", "the target has two values"
    if target.discrete:
        if target.distinct > 100:
            raise PipelineError(
                f"--target: {target.name} is text with {target.distinct:,} different values, too many to be classes; "
                "name another column, or write numbers in the source"
            )
        return "multiclass", f"the target is text with {target.distinct} values"
    if target.kind == "integer" and target.distinct <= FEW_NUMBERS:
        question = f"{target.name} has {target.distinct} different whole numbers: are they amounts or classes?"
        answer = questions.answer("task", question, ["regression", "multiclass"], one_of(["regression", "multiclass"]))
        return ("multiclass" if answer == "multiclass" else "regression"), "as the answer says"
    return "regression", f"the target has {target.distinct:,} different numbers"


def _positive(choices: Choices, target: Column, values: "pd.Series[Any]", questions: Questions) -> Any:
    counts = classes(values)
    typed = {str(labels(pd.Series([value], dtype=values.dtype)).iloc[0]): value for value in values.unique()}
    given = questions.given.get("positive")
    if given is None and (target.kind == "boolean" or set(counts) == {"0", "1"}):
        name, evidence = "true" if target.kind == "boolean" else "1", "the target is coded as no and yes"
    else:
        question = f"Whose probability is predicted: which value of {target.name} is positive?"
        answer = questions.answer("positive", question, [repr(name) for name in counts], one_of(list(counts)))
        if answer is None:
            return None
        name, evidence = answer, "as the answer says"
    value = typed[name]
    value = value.item() if hasattr(value, "item") else value
    if target.kind in ("category", "text"):
        value = name
    share = counts[name] / sum(counts.values())
    choices.decide("Task", "task.positive", value, f"{evidence}; {counts[name]:,} rows, {share:.2%}")
    return value


def _key(choices: Choices, columns: Sequence[Column], target: str, questions: Questions) -> str | None:
    candidates = [column for column in columns if column.unique and column.name != target]
    given = questions.given.get("key")
    if given is not None:
        if given != NONE and given not in {column.name for column in candidates}:
            raise PipelineError(
                f"--key: {given} is no column that names each row once; those are: {_names(candidates)}"
            )
        key = None if given == NONE else given
        choices.decide("Rows", "data.key", key, "as --key says")
    else:
        # The first that is named like a key, else the first that is text of its own or counts from the first row.
        likely = [column for column in candidates if column.useless]
        named = [column for column in likely if column.words & {"id", "key", "uuid", "guid"}]
        key = next((column.name for column in [*named, *likely]), None)
        evidence = f"no value of {key} occurs twice, none is missing" if key else "no column names each row once"
        reason = "a row keeps its side of the split" if key else "rows are split by a hash of all columns"
        choices.decide("Rows", "data.key", key, evidence, reason)
    choices.values["data.deduplicate"] = False
    return key


def _names(columns: Sequence[Column]) -> str:
    return listed(column.name for column in columns) or "none"


def _split(choices: Choices, columns: Sequence[Column], taken: set[str | None], questions: Questions) -> None:
    """By rows, by time or by group: asked where a column of dates or of persons could decide."""
    free = [column for column in columns if column.name not in taken]
    times = [column.name for column in free if column.kind == "date" and not column.missing and column.distinct >= 3]
    groups = [column for column in free if column.groups and not column.missing]
    choices.values |= {"split.time": None, "split.group": None}
    allowed = [
        "rows",
        *(f"time:{name}" for name in times),
        *(f"group:{column.name}" for column in free if not column.missing),
    ]
    examples = ["rows", *(f"time:{name}" for name in times), *(f"group:{column.name}" for column in groups)]
    if len(examples) == 1 and questions.given.get("split") is None:
        choices.decide(
            "Rows", "split", "rows", "no column of dates, none that names persons or things with several rows"
        )
        del choices.values["split"]
        return
    shown = [f"{column.name} has {column.present / column.distinct:.3g} rows a value" for column in groups]
    question = (
        "How are test rows kept apart: each by itself, the newest by time, or all rows of one person together"
        f"{' (' + listed(shown) + ')' if shown else ''}?"
    )
    answer = questions.answer("split", question, examples, one_of(allowed))
    if answer is None:
        return
    how, _, name = answer.partition(":")
    if how == "rows":
        choices.decide("Rows", "split.time", None, "as the answer says: each row stands for itself")
    else:
        reason = "the model is judged on later rows" if how == "time" else "no person is on both sides"
        choices.decide("Rows", f"split.{how}", name, "as the answer says", reason)


def _features(choices: Choices, others: Sequence[Column], questions: Questions) -> None:
    useless = {column.name: column.useless for column in others if column.useless}
    usable = [column.name for column in others if column.name not in useless]
    unknown = questions.names(
        "exclude",
        "Which columns are not known yet when the prediction is made?",
        [column.name for column in others],
        [],
    )
    if not set(usable) - set(unknown) and not questions.open:
        raise PipelineError(
            "no column is left for the model to learn from: each is key, target, excluded or names rows"
        )
    reasons = [f"{name} {why}" for name, why in useless.items()]
    evidence = "; ".join(filter(None, [f"{listed(unknown)}: not known in time" if unknown else "", *reasons[:8]]))
    if len(reasons) > 8:
        evidence += f"; and {len(reasons) - 8} more"
    choices.decide(
        "Columns",
        "features.exclude",
        [*useless, *(name for name in unknown if name not in useless)],
        evidence or "none",
    )
    most = max((column.distinct for column in others if column.discrete and column.name not in useless), default=0)
    choices.values["features.max_categories"] = max(100, most)
    if most > 100:
        choices.decide(
            "Columns", "features.max_categories", most, "the most different values of a column of text that is used"
        )


def _groups(choices: Choices, others: Sequence[Column], task: Task, questions: Questions) -> None:
    names = [column.name for column in others if column.present]
    looks = [column.name for column in others if column.sensitive]
    question = f"Which columns are sensitive{' (' + listed(looks) + ' look it)' if looks else ''}?"
    sensitive = questions.names("sensitive", question, names, [",".join(looks)] if looks else [])
    excluded = choices.values["features.exclude"]
    low, high = SLICE_VALUES
    slices = [
        c.name
        for c in others
        if low <= c.distinct <= high and (c.discrete or c.kind == "integer") and c.name not in excluded
    ]
    chosen = list(dict.fromkeys([*(name for name in sensitive if name not in excluded), *slices]))[
        : max(MAX_SLICES, len(sensitive))
    ]
    choices.decide(
        "Judging",
        "evaluate.slices",
        chosen,
        f"{pluralized(len(slices), 'column')} with {low} to {high} different values",
        "each is judged by itself",
    )
    choices.decide("Judging", "evaluate.sensitive", sensitive, "as the answer says")
    if task != "binary" or not sensitive:
        why = "nothing is sensitive" if not sensitive else "its bounds are for two classes"
        choices.decide("Judging", "gate.fairness", None, why)


def _public(choices: Choices, questions: Questions) -> None:
    question = "May 20 test rows be public, in the image and its attestation?"
    answer = questions.answer("golden", question, ["public", NONE], one_of(["public", NONE]))
    rows = 20 if answer == "public" else 0
    choices.decide("Judging", "release.golden", rows, "as the answer says", "a deployment is tested with them")


def _leaks(
    choices: Choices, table: pd.DataFrame, others: Sequence[Column], target: str, task: Task, key: str | None
) -> None:
    excluded = set(choices.values["features.exclude"])
    used = [column.name for column in others if column.name not in excluded]
    apart = leak_finder.Apart(choices.values.get("split.time"), choices.values.get("split.group"))
    choices.leaks = leak_finder.find(table, target, task, used, key, apart)
    for leak in choices.leaks:
        advice = ""
        if leak.column:
            advice = f"; where it is not known in time: --exclude {leak.column}"
            if leak.proven:
                advice += ", else the gate fails until features.allow names it with the reason"
        choices.note(f"{'leak' if leak.proven else 'perhaps a leak'}: {leak.sentence}{advice}", serious=True)


def _rows(choices: Choices, table: pd.DataFrame, target: str, task: Task, key: str | None) -> None:
    """Few rows, rare classes, equal and nearly equal rows."""
    rows = len(table)
    if rows < FEW_ROWS:
        unwatched = "" if rows // 5 >= WATCHED else f"; the monitor needs {WATCHED} tested rows"
        choices.note(
            f"{rows:,} rows are few: about {rows // 5:,} are tested, and intervals will be wide{unwatched}",
            serious=True,
        )
    if task != "regression":
        name, count = list(classes(table[target]).items())[-1]
        if count / rows < RARE or count * 0.2 < 50:
            choices.note(f"class {name} has {count:,} rows ({count / rows:.2%}), about {count // 5:,} of them tested")
    rest = table.drop(columns=[name for name in (key,) if name])
    equal = int(rest.duplicated().sum())
    if equal:
        choices.note(
            f"{equal:,} rows equal an earlier one in all columns but the key; see data.deduplicate",
            serious=equal > rows / 20,
        )
    twins = near_twins(rest.drop(columns=[target]), np.random.default_rng(0).random(rows) < 0.2)
    if twins > 0.01 and not equal:
        choices.note(f"{twins:.1%} of test rows would have a nearly equal row among the training rows: see split.group")


def near_twins(features: pd.DataFrame, tested: "np.ndarray[Any, Any]") -> float:
    """The share of tested rows with a row among the others that is equal to three digits, capitals and spaces aside."""
    coarse = dict[str, Any]()
    for name in features.columns:
        column = features[name]
        if pd.api.types.is_bool_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
            coarse[name] = column
        elif pd.api.types.is_numeric_dtype(column):
            numbers = column.to_numpy(dtype=float, na_value=np.nan)
            with np.errstate(divide="ignore", invalid="ignore"):
                size = 10.0 ** (2 - np.floor(np.log10(np.abs(numbers))))
                coarse[name] = np.where(numbers == 0, 0.0, np.round(numbers * size) / size)
        else:
            coarse[name] = labels(column).str.strip().str.lower()
    if not coarse or tested.all() or not tested.any():
        return 0.0
    hashes = keys.content_hashes(pd.DataFrame(coarse))
    return float(np.isin(hashes[tested], hashes[~tested]).mean())


def _judging(choices: Choices, table: pd.DataFrame, target: str, task: Task) -> None:
    primary = next(iter(METRICS[task]))
    evidence = {"binary": "two classes", "multiclass": "several classes", "regression": "a number"}[task]
    if task == "binary":
        share = list(classes(table[target]).values())[-1] / len(table)
        if share < RARE:
            primary, evidence = "average_precision", f"the rarer class has {share:.2%} of the rows"
    choices.decide("Judging", "gate.primary", primary, evidence)
    choices.values["gate.tolerance"] = {"score": 0.005, "of_loss": 0.02, "of_constant": None}
    choices.values["gate.reference"] = None
    choices.values["train.monotone"] = {}
    choices.values["train.class_weight"] = "none"
    choices.values["train.objective"] = "auto"
    choices.values["serve.log.omit"] = []
    small = max(5, min(50, len(table) // 100))
    choices.values["train.min_data_in_leaf"] = small
    if small < 50:
        choices.decide(
            "Judging", "train.min_data_in_leaf", small, f"{len(table):,} rows", "a hundredth of them, 5 to 50"
        )


def _monitor(choices: Choices, table: pd.DataFrame) -> None:
    time = choices.values.get("split.time")
    if time is None:
        return
    moments = pd.to_datetime(table[time])
    recent = moments[moments > moments.max() - pd.Timedelta(days=60)]
    days = max(1.0, (recent.max() - recent.min()) / pd.Timedelta(days=1))
    window = _window(len(recent) / days)
    choices.decide(
        "Judging",
        "monitor.window",
        window,
        f"{len(recent) / days:.3g} rows a day in the newest 60 days",
        f"about {WINDOW_ROWS} rows each",
    )


def _window(rows_a_day: float) -> str:
    days = int(np.ceil(WINDOW_ROWS / max(rows_a_day, 1e-9)))
    return f"{days} {'day' if days == 1 else 'days'}" if days <= 14 else f"{WINDOW_ROWS} rows"


def floors(metrics: dict[str, Any], task: Task, primary: str) -> Iterator[tuple[str, float, str]]:
    """Floors from the figures of a first run: metric, floor, and how it was made."""
    for name in dict.fromkeys([primary, *({"r2"} if task == "regression" else ())]):
        figure = metrics.get(name) or {}
        if figure.get("value") is None:
            continue
        if higher_is_better(name):
            end = float(figure["value"] if figure.get("lower") is None else figure["lower"])
            floor = max(0.0, math.floor(round((end - MARGIN) * 100, 6)) / 100)
            yield name, floor, f"the first run's lower end {end:.4g}, less {MARGIN:g}"
        else:
            end = float(figure["value"] if figure.get("upper") is None else figure["upper"])
            how = f"the first run's upper end {end:.4g}, and {OF_LOSS:.0%} more"
            yield name, float(f"{end * (1 + OF_LOSS):.3g}"), how
