"""The first screen: the verdict, why, the rules that warn or fail, and the output of a failed stage."""

from pipeline.core.figures import pluralized
from pipeline.core.tasks import higher_is_better
from pipeline.markup import documentation
from pipeline.markup.markdown import bold, code, cut, escape
from pipeline.review.comment.facts import Facts, finite
from pipeline.review.comment.rules import ICONS, SENTENCE, figure_of, interval_of, rule_table, worst_first
from pipeline.review.gate import protected
from pipeline.review.gate.verdict import REGRESSIONS, Rule
from pipeline.review.untrusted.text import fence, plain

TITLES = {"pass": "The gate passes", "warn": "The gate warns: a person should look", "fail": "The gate fails"}
NEEDS_PERSON = "Needs a person"
ACCEPT = ("Who may accept it, and how", "docs/explanation/what-judges.md#who-may-accept-it")  # text and page
STALE = (
    "The label `gate: override` does not count: it was refused, or set for an earlier commit. To overrule this one, "
    "start the workflow `override`, or comment `Override: why`, take the label off and set it again."
)
MAX_RULES = 5  # rules on the first screen
MAX_LINES, MAX_LENGTH = 30, 300  # of a failed stage's output


def headline(facts: Facts) -> str:
    """The verdict as a heading, and why in one sentence: the worst rule's."""
    verdict, context = facts.verdict, facts.context
    title = f"{ICONS[verdict.verdict]} {TITLES[verdict.verdict]}"
    if stages := next((rule for rule in verdict.rules if rule.kind == "stages"), None):
        sentence = cut(stages.sentence)
        title = f"❌ {escape(sentence[:1].upper() + sentence[1:])}: there is no model to judge"
    if protected.acceptance(verdict):
        is_first = any(rule.kind == "first_model" for rule in verdict.rules)
        title = (
            f"✋ {NEEDS_PERSON}: {'it is the first model of another project' if is_first else 'it changes what judges'}"
        )
    if context.override:
        status = NEEDS_PERSON if protected.acceptance(verdict) else TITLES[verdict.verdict].partition(":")[0]
        title = f"✅ Overruled by {bold('@' + cut(context.override.by, 60))} · {status[:1].lower()}{status[1:]}"
    return f"### {title}\n\n{_override(facts)}{_why(facts)}{_acceptance(facts)}"


def _override(facts: Facts) -> str:
    """When, for which commit and why the gate was overruled; empty where it was not."""
    override = facts.context.override
    if override is None:
        return ""
    reason = escape(cut(override.reason, 500)) or "no reason was asked for"
    return f"{override.at:%Y-%m-%d %H:%M} UTC, for {code(override.commit[:7])}: {reason}\n\n"


def _acceptance(facts: Facts) -> str:
    """Who may accept a change of what judges, and why a label that is set does not count."""
    lines = []
    if protected.acceptance(facts.verdict) and not facts.context.override:
        lines.append(f"It was judged by {_judged_by(facts)}. {documentation.link(*ACCEPT)}")
    if facts.context.stale_override:
        lines.append(STALE)
    return "".join(f"\n\n{line}" for line in lines)


def _judged_by(facts: Facts) -> str:
    if any(rule.kind == "first_model" for rule in facts.verdict.rules):
        return "no bound: main’s are another project’s, and its own are shown as information"
    return "main’s code, parameters and groups"


def _why(facts: Facts) -> str:
    problems = worst_first(facts.verdict.rules)
    if facts.bundle.measurement.outcome == "failed":
        return f"{_reason(facts)}Its last lines are below; nothing of it was recorded."
    if not problems:
        rules = facts.verdict.rules
        leading = [rule for rule in rules if rule.kind in REGRESSIONS] or list(rules[:1])
        return _sentence(leading[0]) if leading else "No rule of the gate applies."
    remaining = [(mark, sum(rule.verdict == mark for rule in problems[1:])) for mark in ("fail", "warn")]
    counts = [f"{pluralized(n, 'more rule')} {mark}{'s' if n == 1 else ''}" for mark, n in remaining if n]
    return _sentence(problems[0]) + (f" *And {', '.join(counts)}.*" if counts else "")


def _reason(facts: Facts) -> str:
    """The failed stage's error, and where the contract is broken the values that main's data do not have."""
    failure, data = facts.bundle.measurement.failure, facts.bundle.measurement.data
    errors = [line for line in failure.lines if line.startswith("error: ")] if failure else []
    if not failure or not errors:
        return ""
    reason = f"{escape(cut(plain(errors[-1]).removeprefix('error: '), MAX_LENGTH))}. "
    new = [item for item in data.categories if item.added] if data and failure.stage == "validate" else []
    values = "; ".join(f"{code(cut(item.column, 60))} {escape(cut(', '.join(item.added), 60))}" for item in new[:3])
    return f"{reason}New values: {values}. " if values else reason


def _sentence(rule: Rule) -> str:
    gain = "gain " if _lower_is_better(rule) else ""
    figure = f" {gain}{figure_of(rule)}" if rule.value is not None and finite(rule.value) is not None else ""
    interval = interval_of(rule)
    between = f" ({interval})" if figure and interval != "–" else ""
    return f"{bold(rule.title)}:{figure}{between}{',' if figure else ''} {escape(cut(rule.sentence, SENTENCE))}."


def _lower_is_better(rule: Rule) -> bool:
    """Whether the rule's figure is the gain in a metric where lower is better."""
    return rule.kind in REGRESSIONS and rule.subject.metric is not None and not higher_is_better(rule.subject.metric)


def rules(facts: Facts) -> str | None:
    """The rules that warn or fail, worst first."""
    problems = worst_first(facts.verdict.rules)
    if not problems or facts.bundle.measurement.outcome == "failed":
        return None
    more = f"\n\n*and {len(problems) - MAX_RULES:,} more, in the folds below*" if len(problems) > MAX_RULES else ""
    gains = "\n\n<sub>Figures of changes are gains: below 0 is worse.</sub>"
    note = gains if any(_lower_is_better(rule) for rule in facts.verdict.rules) else ""
    return f"**What to look at**\n\n{rule_table(problems[:MAX_RULES], facts)}{more}{note}"


def failure(facts: Facts) -> str | None:
    """The last lines of the stage that failed."""
    stage = facts.bundle.measurement.failure
    if stage is None:
        return None
    lines = [cut(plain(line).replace("\n", " ").rstrip(), MAX_LENGTH) for line in stage.lines[-MAX_LINES:]]
    return fence("\n".join(lines))
