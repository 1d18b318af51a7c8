"""What no table can tell: each question with the option that answers it. Nobody to ask is an error."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import click

from pipeline.core.errors import PipelineError

NONE = "none"


@dataclass
class Questions:
    """Answers from options, else from the person at the terminal; those that nobody gives are collected."""

    given: dict[str, str | None]
    ask: bool
    open: list[str] = field(default_factory=list)

    def answer(
        self, option: str, question: str, examples: Sequence[str], check: Callable[[str], str | None]
    ) -> str | None:
        """The answer to a question; `check` says what is wrong with one. None where it stays open."""
        value = self.given.get(option)
        if value is not None:
            if problem := check(value):
                raise PipelineError(f"--{option}: {problem}")
            return value
        if not self.ask:
            self.open.append(f"{question} Give --{option} {' or '.join(examples)}")
            return None
        while True:
            value = str(click.prompt(f"{question} [{', '.join(examples)}]"))
            if not (problem := check(value)):
                return value
            click.echo(problem)

    def names(self, option: str, question: str, columns: Sequence[str], examples: Sequence[str]) -> list[str]:
        """An answer that is a list of columns, or `none`."""
        answer = self.answer(option, question, [*examples, NONE], lambda value: _unknown(value, columns))
        return split(answer, columns) if answer else []

    def finish(self) -> None:
        """PipelineError with a line for each question that stays open."""
        if self.open:
            raise PipelineError("\n".join(self.open))


def can_ask(yes: bool) -> bool:
    return not yes and sys.stdin.isatty()


def one_of(values: Sequence[str]) -> Callable[[str], str | None]:
    """A check that an answer is one of these."""
    return lambda value: None if value in values else f"{value!r} is none of {', '.join(values[:20])}"


def split(value: str, columns: Sequence[str]) -> list[str]:
    """The columns that an answer names, between commas; a name that holds a comma stands alone."""
    if value == NONE and NONE not in columns:
        return []
    return [value] if value in columns else [name.strip() for name in value.split(",") if name.strip()]


def _unknown(value: str, columns: Sequence[str]) -> str | None:
    unknown = [name for name in split(value, columns) if name not in columns]
    return f"{unknown[0]!r} is no column that can be named here" if unknown else None
