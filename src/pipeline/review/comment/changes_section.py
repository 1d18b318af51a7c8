"""What the pull request changed: parameters, data, features."""

from typing import Any

from pipeline.markup.markdown import Markdown, code, cut, escape, table
from pipeline.markup.parts import part
from pipeline.review.comment import data_section as data
from pipeline.review.comment.facts import Facts, flattened
from pipeline.review.comment.groups import more
from pipeline.review.gate import judges

SHOWN = 20
NAMED = 3  # in the summary
NOTES = 6
Difference = tuple[str, str | None, str | None]


def summary(facts: Facts) -> str:
    """One line each: parameters, data, features, cost."""
    lines = [("Parameters", _shortly), ("Data", _data), ("Features", _features_line), ("Cost", cost_line)]
    told = [(name, part("not shown", write, facts).text) for name, write in lines]
    return "\n".join(f"- **{name}:** {text}" for name, text in told if text)


def _data(facts: Facts) -> str:
    return data.line(facts.bundle.measurement.data)


def parameters(facts: Facts) -> list[Difference] | None:
    """Keys of params.yaml that differ from main's, with both values; None where a side is unknown."""
    if not (facts.context.main_params and facts.params):
        return None
    main, here = flattened(facts.context.main_params), flattened(facts.params)
    names = [*main, *(name for name in here if name not in main)]
    return [(name, main.get(name), here.get(name)) for name in names if main.get(name) != here.get(name)]


def _shortly(facts: Facts) -> str:
    found = parameters(facts)
    if found is None:
        return "not compared: main’s or this pull request’s `params.yaml` is not at hand"
    if not found:
        return "unchanged"
    named = " · ".join(f"{code(cut(name, 60))} {_arrow(before, after)}" for name, before, after in found[:NAMED])
    rest = f" and {len(found) - NAMED:,} more" if len(found) > NAMED else ""
    return f"{named}{rest}{JUDGES_SHORT if _judges(found) else ''}"


JUDGES_SHORT = " · ⚠️ changes what judges: main’s was used"


def _arrow(before: str | None, after: str | None) -> str:
    old = "new" if before is None else escape(cut(before, 40))
    return f"{old} → {'gone' if after is None else escape(cut(after, 40))}"


def _judges(found: list[Difference]) -> bool:
    return any(judges.is_parameter(name) for name, _, _ in found)


def parameter_table(facts: Facts) -> str | None:
    found = parameters(facts)
    if not found:
        return None
    rows = [(code(cut(name)), _cell(before), _cell(after)) for name, before, after in found[:SHOWN]]
    gate = "\n\n⚠️ This changes what judges. It was judged by main’s parameters." if _judges(found) else ""
    return f"**Parameters**\n\n{table(['parameter', 'main', 'this PR'], rows)}{more(len(found), SHOWN)}{gate}"


def _cell(value: str | None) -> Markdown:
    return Markdown("–") if value is None else escape(cut(value))


def _features(facts: Facts) -> tuple[list[str], list[str]] | None:
    """Features that came and went; None where a side is unknown."""
    main, signature = facts.bundle.measurement.features_main, facts.bundle.json("signature.json")
    if main is None or signature is None:
        return None
    here = [str(feature["name"]) for feature in signature["features"]]
    known, now = set(main), set(here)
    return [name for name in here if name not in known], [name for name in main if name not in now]


def _features_line(facts: Facts) -> str | None:
    found = _features(facts)
    if found is None:
        return None
    added, removed = found
    if not (added or removed):
        return "the same"
    named = [f"+ {code(cut(name, 60))}" for name in added[:NAMED]] + [
        f"− {code(cut(name, 60))}" for name in removed[:NAMED]
    ]
    hidden = max(0, len(added) - NAMED) + max(0, len(removed) - NAMED)
    return ", ".join(named) + (f" and {hidden:,} more" if hidden else "")


def features(facts: Facts) -> str | None:
    """The names of features that came and went."""
    found = _features(facts)
    if not found or not any(found):
        return None
    lines = [
        f"- {word}: {', '.join(code(cut(name)) for name in names[:SHOWN])}"
        + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")
        for word, names in zip(("added", "removed"), found, strict=True)
        if names
    ]
    return "**Features**\n\n" + "\n".join(lines)


def production(facts: Facts) -> str:
    """The monitor's latest word."""
    said = facts.context.production or "the monitor’s word is added on GitHub."
    return f"**Production:** {said}"


def notes(facts: Facts) -> str | None:
    """What is missing and why."""
    found = facts.bundle.measurement.notes
    if not found:
        return None
    lines = [f"- {escape(cut(note, 300))}" for note in found[:NOTES]]
    rest = [f"- and {len(found) - NOTES} more"] if len(found) > NOTES else []
    return "**What is missing**\n\n" + "\n".join([*lines, *rest])


def cost_line(facts: Facts) -> str | None:
    """Seconds, device, rows and memory in one line."""
    measurement = facts.bundle.measurement
    training: Any = facts.bundle.json("training.json") or {}
    peak = max((stage.peak_memory_mb or 0 for stage in measurement.stages), default=0)
    trained = next((stage for stage in measurement.stages if stage.name == "train" and stage.state == "ran"), None)
    ran = sum(stage.state == "ran" for stage in measurement.stages)
    told = (
        [f"{measurement.seconds:,.0f} s for {ran} of {len(measurement.stages)} stages"] if measurement.seconds else []
    )
    told += [f"training {trained.seconds:,.1f} s"] if trained and trained.seconds else []
    told += [f"on {escape(cut(training['device'], 30))}"] if trained and "device" in training else []
    told += [f"{sum(training['rows'].values()):,} rows"] if trained and "rows" in training else []
    told += [f"peak {peak:,.0f} MB"] if peak else []
    return ", ".join(told) or ("nothing ran" if measurement.outcome == "unchanged" else None)
