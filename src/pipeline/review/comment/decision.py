"""The first screen: the verdict, why, the rules that ask for a look, and what a failed stage said."""

from pipeline.core.tasks import higher_is_better
from pipeline.markup.markdown import bold, code, cut, escape
from pipeline.review.comment.facts import Facts, counted, finite
from pipeline.review.comment.rules import ICONS, SENTENCE, between_of, by_weight, rule_rows, signed
from pipeline.review.gate import judges
from pipeline.review.gate.verdict import REGRESSIONS, Rule
from pipeline.review.untrusted.text import fence, plain

SAYS = {"pass": "The gate passes", "warn": "The gate warns: a person should look", "fail": "The gate fails"}
PERSON = "Needs a person"
ACCEPT = "[Who may accept it, and how](../blob/HEAD/docs/explanation/what-judges.md#who-may-accept-it)"
STALE = (
    "The label `gate: override` does not count: it was refused, or set for an earlier commit. To overrule this one, "
    "comment `Override: why`, take the label off and set it again."
)
SHOWN = 5  # rules on the first screen
LINES, LINE = 30, 300  # of a failed stage's output


def headline(facts: Facts) -> str:
    """The verdict as a heading, and why in one sentence: the worst rule's."""
    verdict, context = facts.verdict, facts.context
    title = f"{ICONS[verdict.verdict]} {SAYS[verdict.verdict]}"
    if stages := next((rule for rule in verdict.rules if rule.kind == "stages"), None):
        told = cut(stages.sentence)
        title = f"❌ {escape(told[:1].upper() + told[1:])}: there is no model to judge"
    if judges.acceptance(verdict):
        title = f"✋ {PERSON}: it changes what judges"
    if context.override:
        says = PERSON if judges.acceptance(verdict) else SAYS[verdict.verdict].partition(":")[0]
        title = f"✅ Overruled by {bold('@' + cut(context.override.by, 60))} · {says[:1].lower()}{says[1:]}"
    return f"### {title}\n\n{_override(facts)}{_why(facts)}{_acceptance(facts)}"


def _override(facts: Facts) -> str:
    """When, for which commit and why the gate was overruled."""
    override = facts.context.override
    if override is None:
        return ""
    reason = escape(cut(override.reason, 500)) or "no reason was asked for"
    return f"{override.at:%Y-%m-%d %H:%M} UTC, for {code(override.commit[:7])}: {reason}\n\n"


def _acceptance(facts: Facts) -> str:
    """Who may accept what judges otherwise; why a label that is there does not count."""
    lines = []
    if judges.acceptance(facts.verdict) and not facts.context.override:
        lines.append("It was judged by main’s code, parameters and groups. " + ACCEPT)
    if facts.context.stale_override:
        lines.append(STALE)
    return "".join(f"\n\n{line}" for line in lines)


def _why(facts: Facts) -> str:
    told = by_weight(facts.verdict.rules)
    if facts.bundle.measurement.outcome == "failed":
        return "Its last lines are below; nothing of it was recorded."
    if not told:
        rules = facts.verdict.rules
        leading = [rule for rule in rules if rule.kind in REGRESSIONS] or list(rules[:1])
        return _sentence(leading[0], facts) if leading else "No rule of the gate applies."
    others = [(mark, sum(rule.verdict == mark for rule in told[1:])) for mark in ("fail", "warn")]
    counts = [f"{counted(n, 'more rule')} {mark}{'s' if n == 1 else ''}" for mark, n in others if n]
    return _sentence(told[0], facts) + (f" *And {', '.join(counts)}.*" if counts else "")


def _sentence(rule: Rule, facts: Facts) -> str:
    gain = "gain " if _falls(rule) else ""
    figure = f" {gain}{signed(rule)}" if rule.value is not None and finite(rule.value) is not None else ""
    interval = between_of(rule, facts)
    between = f" ({interval})" if figure and interval != "–" else ""
    return f"{bold(rule.title)}:{figure}{between}{',' if figure else ''} {escape(cut(rule.sentence, SENTENCE))}."


def _falls(rule: Rule) -> bool:
    """Whether the rule's figure is the gain of a metric that falls where the model gets better."""
    return rule.kind in REGRESSIONS and rule.subject.metric is not None and not higher_is_better(rule.subject.metric)


def rules(facts: Facts) -> str | None:
    """The rules that warn or fail, worst first."""
    told = by_weight(facts.verdict.rules)
    if not told or facts.bundle.measurement.outcome == "failed":
        return None
    more = f"\n\n*and {len(told) - SHOWN:,} more, under “All rules”*" if len(told) > SHOWN else ""
    gains = "\n\n<sub>Figures of changes are gains: below 0 is worse.</sub>"
    note = gains if any(_falls(rule) for rule in facts.verdict.rules) else ""
    return f"**What to look at**\n\n{rule_rows(told[:SHOWN], facts)}{more}{note}"


def failure(facts: Facts) -> str | None:
    """The last lines of the stage that failed."""
    found = facts.bundle.measurement.failure
    if found is None:
        return None
    lines = [cut(plain(line).replace("\n", " ").rstrip(), LINE) for line in found.lines[-LINES:]]
    return fence("\n".join(lines))
