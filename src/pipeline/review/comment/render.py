"""The comment: the verdict first, then what it rests on, never longer than GitHub allows."""

import json
from collections.abc import Callable, Sequence

from pipeline.markup import documentation
from pipeline.markup.markdown import code, cut, escape
from pipeline.markup.parts import UNREADABLE, Part, fit, folded, part
from pipeline.review.comment import (
    changes_section,
    charts,
    contract_section,
    data_section,
    details,
    feature_section,
    first_screen,
    group_tables,
    metric_table,
    rules,
)
from pipeline.review.comment.details import RUN, link
from pipeline.review.comment.facts import Context, Facts
from pipeline.review.gate.verdict import Verdict
from pipeline.review.measure.measurement import Bundle

__all__ = ["LIMIT", "Context", "announcement", "broken", "render"]

LIMIT = 65_000  # characters: GitHub's limit of 65,536, less what CML and the markers add
OPENED_TITLE = "What changed, metric by metric"
Writer = Callable[[Facts], str | None]


def render(bundle: Bundle, verdict: Verdict, context: Context) -> str:
    """The comment as GitHub Markdown, at most `LIMIT` characters. A file of the wrong shape becomes a note."""
    facts = Facts(bundle, verdict, context)
    return fit([*_first_screen(facts), *_folds(facts), part("Footer", details.footer, facts)], LIMIT)


def _first_screen(facts: Facts) -> list[Part]:
    sections: list[tuple[str, Writer, int]] = [
        ("Headline", first_screen.headline, 0),
        ("Failure", first_screen.failure, 0),
        ("Metrics", metric_table.metrics, 0),
        ("Rules", first_screen.rules, 0),
        ("Features", feature_section.warnings, 0),
        ("Data contract", contract_section.contract, 0),
        ("What changed", changes_section.summary, 0),
        ("Recording", details.recording, 0),
        ("Missing", changes_section.notes, 0),
    ]
    return [part(name, write, facts, order=order) for name, write, order in sections]


def _folds(facts: Facts) -> list[Part]:
    """Folded parts in their order; the part with the highest number is left out first."""
    sections: list[tuple[str, int, Sequence[Writer]]] = [
        (OPENED_TITLE, 4, [charts.metrics]),
        ("ROC and calibration" if _task(facts) == "binary" else "Curves", 5, [charts.curves]),
        ("Slices and fairness", 1, [group_tables.slices, group_tables.fairness]),
        ("Failed tests of the model", 2, [details.failed_tests]),
        ("What the model looks at", 6, [charts.importance]),
        ("Data and drift", 3, [data_section.tables, data_section.drift, charts.drift, changes_section.production]),
        ("Parameters and features", 2, [changes_section.parameter_table, changes_section.features]),
        ("Features in code", 3, [feature_section.figures, feature_section.difference]),
        ("Other rules", 7, [_other_rules]),
        ("Cost", 8, [details.cost]),
        ("Stages and environment", 9, [details.graph, details.environment]),
        ("Reproduce it", 2, [details.reproduce]),
        ("dvc.lock, as measured", 11, [details.lock]),
    ]
    return [_fold(title, order, writers, facts) for title, order, writers in sections]


def _fold(title: str, order: int, writers: Sequence[Writer], facts: Facts) -> Part:
    texts = [part(title, write, facts).text for write in writers]
    return Part(title, folded(title, *texts, opened=title == OPENED_TITLE) or "", order)


def _task(facts: Facts) -> str | None:
    try:
        scored = facts.scores[0]
    except UNREADABLE:
        return None
    return scored.task if scored else None


def _other_rules(facts: Facts) -> str | None:
    """The rules that neither the first screen nor the tables of slices and groups show."""
    shown = rules.worst_first(facts.verdict.rules)[: first_screen.MAX_RULES]
    judged = [rule for rule in facts.verdict.rules if rule not in shown and rule.kind not in ("slice", "fairness")]
    rules_table = rules.rule_table(judged[:60], facts)
    failed = facts.bundle.measurement.outcome == "failed"  # the headline says it all
    return f"{rules_table}{group_tables.more(len(judged), 60)}" if judged and not failed else None


def announcement(run_url: str, labels: Sequence[str] | None, head: str) -> str:
    """The comment while the head is being measured; `labels`: those of a job that no runner has taken yet."""
    run = link("the run", run_url) or "the run"
    measuring = f"### ⏳ Being measured\n\nCommit {code(cut(head, 9))} is being trained and judged: {run}. "
    if not labels:
        return f"{measuring}The result replaces this comment.\n"
    names = ", ".join(code(cut(label)) for label in labels[:10])
    hosted_labels = json.dumps(["ubuntu-latest"])
    match = RUN.search(run_url)  # a queued run keeps its labels, and only one that has ended can be run again
    rerun = f"gh run cancel {match[1]}\ngh run rerun {match[1]}  # once it has ended\n" if match else ""
    return (
        f"### ⏳ Waiting for a runner\n\nNo runner has taken {run} of commit {code(cut(head, 9))}. "
        f"It waits for one with the labels {names}.\n\n"
        f"- Have a machine? {documentation.link('Register it', 'docs/how-to/gpu-runner.md')}.\n"
        "- None? Train on GitHub’s own runners: set the repository variable, and "
        f"{'cancel the run and start it again, or push again' if rerun else 'push again'}.\n\n"
        f"```console\ngh variable set RUNNER_LABELS --body '{hosted_labels}'\n{rerun}```\n"
    )


def of_pipeline(text: str, name: str) -> str:
    """A comment with the pipeline's name in its heading, where the repository has several (else `name` is empty)."""
    return text.replace("### ", f"### {code(name)} ", 1) if name else text


def broken(run_url: str, reason: str) -> str:
    """The comment on a run that left nothing to judge."""
    run = link("the run", run_url) or "the run"
    return (
        f"### ❌ Not measured\n\n{escape(cut(reason, 500))}\n\nLook at {run}; a new push or a re-run measures again.\n"
    )
