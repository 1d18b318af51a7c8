"""What the pull request changed: parameters, data, features."""

from typing import Any

from pipeline.markup.markdown import Markdown, code, cut, escape, table
from pipeline.markup.parts import part
from pipeline.review.comment import data_section as data
from pipeline.review.comment import origins, split_section
from pipeline.review.comment.facts import Facts, flattened
from pipeline.review.comment.group_tables import more
from pipeline.review.gate import protected

MAX_ROWS = 20
MAX_NAMES = 3  # in the summary
MAX_NOTES = 6
Difference = tuple[str, str | None, str | None]


def summary(facts: Facts) -> str:
    """One line each: parameters, data and where it comes from, features, cost."""
    lines = [
        ("Parameters", _parameters_line),
        ("Data", _data_line),
        ("New rows", origins.line),
        ("Split", split_section.line),
        ("Features", _features_line),
        ("Cost", cost_line),
    ]
    texts = [(name, part("not shown", write, facts).text) for name, write in lines]
    return "\n".join(f"- **{name}:** {text}" for name, text in texts if text)


def _data_line(facts: Facts) -> str:
    return data.line(facts.bundle.measurement.data)


def parameters(facts: Facts) -> list[Difference] | None:
    """Keys of params.yaml that differ from main's, with both values; None where a side is unknown."""
    if not (facts.context.main_params and facts.params):
        return None
    main, current = flattened(facts.context.main_params), flattened(facts.params)
    names = [*main, *(name for name in current if name not in main)]
    return [(name, main.get(name), current.get(name)) for name in names if main.get(name) != current.get(name)]


def _parameters_line(facts: Facts) -> str:
    differences = parameters(facts)
    if differences is None:
        return "not compared: main’s or this pull request’s `params.yaml` is not available"
    if not differences:
        return "unchanged"
    names = " · ".join(
        f"{code(cut(name, 60))} {_arrow(before, after)}" for name, before, after in differences[:MAX_NAMES]
    )
    rest = f" and {len(differences) - MAX_NAMES:,} more" if len(differences) > MAX_NAMES else ""
    return f"{names}{rest}{JUDGES_NOTE if _any_judges(differences) else ''}"


JUDGES_NOTE = " · ⚠️ changes what judges: main’s was used"


def _arrow(before: str | None, after: str | None) -> str:
    old = "new" if before is None else escape(cut(before, 40))
    return f"{old} → {'gone' if after is None else escape(cut(after, 40))}"


def _any_judges(differences: list[Difference]) -> bool:
    return any(protected.is_parameter(name) for name, _, _ in differences)


def parameter_table(facts: Facts) -> str | None:
    differences = parameters(facts)
    if not differences:
        return None
    rows = [(code(cut(name)), _cell(before), _cell(after)) for name, before, after in differences[:MAX_ROWS]]
    note = "\n\n⚠️ This changes what judges. It was judged by main’s parameters." if _any_judges(differences) else ""
    return f"**Parameters**\n\n{table(['parameter', 'main', 'this PR'], rows)}{more(len(differences), MAX_ROWS)}{note}"


def _cell(value: str | None) -> Markdown:
    return Markdown("–") if value is None else escape(cut(value))


def _features(facts: Facts) -> tuple[list[str], list[str]] | None:
    """Features that were added, and those that were removed; None where a side is unknown."""
    main, signature = facts.bundle.measurement.features_main, facts.bundle.json("signature.json")
    if main is None or signature is None:
        return None
    current = [str(feature["name"]) for feature in signature["features"]]
    main_names, current_names = set(main), set(current)
    return [name for name in current if name not in main_names], [name for name in main if name not in current_names]


def _features_line(facts: Facts) -> str | None:
    changes = _features(facts)
    if changes is None:
        return None
    added, removed = changes
    if not (added or removed):
        return "the same"
    names = [f"+ {code(cut(name, 60))}" for name in added[:MAX_NAMES]] + [
        f"− {code(cut(name, 60))}" for name in removed[:MAX_NAMES]
    ]
    omitted = max(0, len(added) - MAX_NAMES) + max(0, len(removed) - MAX_NAMES)
    return ", ".join(names) + (f" and {omitted:,} more" if omitted else "")


def features(facts: Facts) -> str | None:
    """The names of features that were added or removed."""
    changes = _features(facts)
    if not changes or not any(changes):
        return None
    lines = [
        f"- {word}: {', '.join(code(cut(name)) for name in names[:MAX_ROWS])}"
        + (f" and {len(names) - MAX_ROWS:,} more" if len(names) > MAX_ROWS else "")
        for word, names in zip(("added", "removed"), changes, strict=True)
        if names
    ]
    return "**Features**\n\n" + "\n".join(lines)


def production(facts: Facts) -> str:
    """The monitor's latest result."""
    status = facts.context.production or "the monitor’s result is added on GitHub."
    return f"**Production:** {status}"


def notes(facts: Facts) -> str | None:
    """What is missing and why."""
    sentences = facts.bundle.measurement.notes
    if not sentences:
        return None
    lines = [f"- {escape(cut(note, 300))}" for note in sentences[:MAX_NOTES]]
    rest = [f"- and {len(sentences) - MAX_NOTES} more"] if len(sentences) > MAX_NOTES else []
    return "**What is missing**\n\n" + "\n".join([*lines, *rest])


def cost_line(facts: Facts) -> str | None:
    """Seconds, device, rows and memory in one line."""
    measurement = facts.bundle.measurement
    training: Any = facts.bundle.json("training.json") or {}
    peak = max((stage.peak_memory_mb or 0 for stage in measurement.stages), default=0)
    train = next((stage for stage in measurement.stages if stage.name == "train" and stage.state == "ran"), None)
    count = sum(stage.state == "ran" for stage in measurement.stages)
    parts = (
        [f"{measurement.seconds:,.0f} s for {count} of {len(measurement.stages)} stages"] if measurement.seconds else []
    )
    parts += [f"training {train.seconds:,.1f} s"] if train and train.seconds else []
    parts += [f"on {escape(cut(training['device'], 30))}"] if train and "device" in training else []
    parts += [f"{sum(training['rows'].values()):,} rows"] if train and "rows" in training else []
    parts += [f"peak {peak:,.0f} MB"] if peak else []
    return ", ".join(parts) or ("nothing ran" if measurement.outcome == "unchanged" else None)
