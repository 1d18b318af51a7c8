"""What the pull request changes of the project's features: which, their figures, and the code's difference.

The code is text here: it is parsed within bounds and never imported.
"""

import ast
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from pipeline.core.figures import pluralized
from pipeline.core.tasks import label
from pipeline.features import functions, package
from pipeline.features.package import Package
from pipeline.markup.markdown import Markdown, code, cut, escape, number, table
from pipeline.markup.parts import UNREADABLE
from pipeline.review.comment.facts import Facts, finite
from pipeline.review.comment.group_tables import more
from pipeline.review.measure.feature_report import FILE, MAX_CODE, FeatureFigures, FeatureReport
from pipeline.review.untrusted.text import fence, plain

LEAK = 0.95  # of the metric of one feature alone, from which on it is called a likely leak
MAX_ROWS = 30
MAX_NAMES = 5
MAX_LINES = 2_000  # of a file that is compared
MAX_DIFF = 15_000  # characters of the differences that are shown


@dataclass(frozen=True)
class Side:
    """The feature code of one side: the text of each Python file."""

    files: Mapping[str, str]

    @cached_property
    def features(self) -> dict[str, str]:
        """The text of each feature's function with its fit, by the feature's name; PipelineError for invalid code."""
        made = Package(str(package.FOLDER), {name: text.encode() for name, text in self.files.items()})
        texts = {(file, name): text for file in made.modules for name, text in _texts(made, file)}
        return {
            output: "\n".join(texts[part.file, part.name] for part in (each, each.fit) if part)
            for each in functions.read(made)
            for output in each.outputs
        }


def _texts(made: Package, file: str) -> Iterator[tuple[str, str]]:
    lines = made.files[file].decode().splitlines()
    for node in made.tree(file).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, "\n".join(lines[node.lineno - 1 : node.end_lineno])


@dataclass(frozen=True)
class Comparison:
    """Both sides' code, and the report on this one's."""

    main: Side
    here: Side
    report: FeatureReport

    @cached_property
    def changes(self) -> dict[str, str]:
        """What happened to each feature that is not the same: added, changed or removed."""
        main, here = self.main.features, self.here.features
        changed = {name: "changed" if name in main else "added" for name in here if here[name] != main.get(name)}
        return changed | dict.fromkeys((name for name in main if name not in here), "removed")


def _report(facts: Facts) -> FeatureReport | None:
    text = facts.bundle.text(FILE)
    return None if text is None else FeatureReport.model_validate_json(text)


def _comparison(facts: Facts) -> Comparison | None:
    """None where a side's code is unknown, or that of the run is not that of the commit."""
    report, main = _report(facts), facts.context.main_features
    if report is None or main is None or facts.context.features_problem:
        return None
    if sum(map(len, main.values())) > MAX_CODE:
        return None
    return Comparison(Side(main), Side(report.files), report)


def warnings(facts: Facts) -> str | None:
    """Likely leaks, and columns that clients must send from this model on; None where there are none."""
    report = _report(facts)
    if report is None:
        return None
    lines = [*_leaks(report), *_columns(report, facts)]
    if problem := facts.context.features_problem:
        lines.append(f"⚠️ The features’ code is not shown: {problem}.")
    return "\n\n".join(lines) or None


def _leaks(report: FeatureReport) -> Iterator[str]:
    metric = escape(cut(label(report.alone_metric), 30))
    strong = sorted(
        ((name, one.alone) for name, one in report.features.items() if one.alone is not None and one.alone >= LEAK),
        key=lambda pair: -pair[1],
    )
    for name, alone in strong[:MAX_NAMES]:
        yield (
            f"⚠️ **Likely leak:** {code(cut(name, 60))} alone gives the target, {metric} {number(finite(alone))} on "
            f"test rows (called out from {LEAK:g} on). Is its value known when a prediction is asked for?"
        )


def _columns(report: FeatureReport, facts: Facts) -> Iterator[str]:
    """The columns that this model needs and main's does not."""
    if report.columns_main is None:
        return
    signature = facts.bundle.json("signature.json") or {}
    columns = [column["name"] for column in signature.get("raw") or ()] or [
        feature["source"] for feature in signature.get("features") or ()
    ]
    main = set(report.columns_main)
    new = list(dict.fromkeys(str(name) for name in columns if name not in main))
    if new:
        names = ", ".join(code(cut(name, 60)) for name in new[:MAX_NAMES])
        rest = f" and {len(new) - MAX_NAMES:,} more" if len(new) > MAX_NAMES else ""
        yield (
            f"⚠️ **Clients must follow:** the model needs {names}{rest}, which main’s does not. A row without "
            f"{'it' if len(new) == 1 else 'them'} is refused, or, where the contract says nullable, flagged as missing."
        )


def figures(facts: Facts) -> str | None:
    """A row for each feature that was added, changed or removed, with its figures."""
    comparison = _comparison(facts)
    if comparison is None or not comparison.changes:
        return None
    gains = _gains(facts)
    rows = [
        (Markdown(change), code(cut(name, 60)), *_figures(comparison.report.features.get(name), gains.get(name)))
        for name, change in comparison.changes.items()
    ]
    alone = f"alone, {cut(label(comparison.report.alone_metric), 30)}"
    head = ["", "feature", "share of the gain", "missing", "drift, of its bound", alone, "µs of a request"]
    note = (
        "<sub>Missing, drift (test against training rows) and cost are this pull request’s; alone: a model that sees "
        "this feature only, on test rows.</sub>"
    )
    shown = table(head, rows[:MAX_ROWS], "llrrrrr")
    return f"{shown}{more(len(rows), MAX_ROWS)}\n\n{note}"


def _figures(one: FeatureFigures | None, gain: float | None) -> tuple[Markdown, ...]:
    if one is None:
        return (Markdown("–"),) * 5
    return (
        _percent(gain),
        _percent(one.missing),
        _percent(one.drift),
        number(finite(one.alone)),
        Markdown(f"{one.microseconds:.1f}"),
    )


def _percent(value: float | None) -> Markdown:
    return Markdown("–" if value is None else f"{100 * value:.3g} %")


def _gains(facts: Facts) -> dict[str, float]:
    """Each feature's share of the gain."""
    try:
        gains = {
            str(item["feature"]): finite(item["gain"]) or 0.0 for item in facts.bundle.json("importance.json") or ()
        }
    except UNREADABLE:
        return {}
    total = sum(gains.values())
    return {name: gain / total for name, gain in gains.items()} if total > 0 else {}


def difference(facts: Facts) -> str | None:
    """The difference of each file that is not main's, as a diff."""
    comparison = _comparison(facts)
    if comparison is None:
        return None
    main, here = comparison.main.files, comparison.here.files
    changed = [name for name in sorted({*main, *here}) if main.get(name) != here.get(name)]
    texts, left = list[str](), MAX_DIFF
    for name in changed:
        text = _diff(name, main.get(name, ""), here.get(name, ""))
        left -= len(text)
        if left < 0:
            break
        texts.append(text)
    rest = len(changed) - len(texts)
    note = [f"*{pluralized(rest, 'more file')} differ; the pull request’s own tab shows them.*"] if rest else []
    return "\n\n".join([*texts, *note]) or None


def _diff(name: str, main: str, here: str) -> str:
    before, after = plain(main).splitlines(), plain(here).splitlines()
    title = code(cut(f"{package.FOLDER}/{name}", 120))
    if max(len(before), len(after)) > MAX_LINES:
        return f"{title}: more than {MAX_LINES:,} lines"
    body = [line.rstrip("\n") for line in difflib.unified_diff(before, after, n=2, lineterm="")][2:]
    return f"{title}\n\n{fence(chr(10).join(body), 'diff')}"
