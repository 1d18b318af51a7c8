"""Decisions on a table: what was chosen, on which evidence, why, and the key of params.yaml that changes it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

PAGE = "{key:<22} {choice}"


@dataclass(frozen=True)
class Decision:
    """One choice. `key` is that of params.yaml, or the option that changes it; `evidence` is what the table shows."""

    section: str
    key: str
    choice: Any
    evidence: str
    reason: str = ""

    def lines(self) -> Iterator[str]:
        """The choice, and under it evidence and reason."""
        yield f"  {PAGE.format(key=self.key, choice=shown(self.choice))}".rstrip()
        yield f"      {'; '.join(filter(None, [self.evidence, self.reason]))}"


@dataclass(frozen=True)
class Finding:
    """Something that a person should look at, which changes nothing by itself."""

    sentence: str
    serious: bool = False


def page(title: str, decisions: Iterable[Decision], findings: Iterable[Finding]) -> list[str]:
    """The page of decisions, section by section, and what to look at below."""
    lines, section = [title], ""
    for decision in decisions:
        if decision.section != section:
            section = decision.section
            lines += ["", section]
        lines += decision.lines()
    marked = [f"  {'!' if finding.serious else '·'} {finding.sentence}" for finding in findings]
    return [*lines, *(["", "To look at", *marked] if marked else [])]


def shown(value: Any) -> str:
    """A value as YAML has it; of a long list the first ten."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {shown(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        more = f", and {len(value) - 10:,} more" if len(value) > 10 else ""
        return f"[{', '.join(shown(item) for item in value[:10])}{more}]"
    return str(value)
