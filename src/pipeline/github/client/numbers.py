"""Numbers of pull requests, issues, runs and artifacts on the command line: text that a person or a workflow gives."""

import re
from typing import Any

import click


class Number(click.ParamType[int | None]):
    """A positive number, also written as #7; blank text counts as not given, as inputs of a dispatch may be empty."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        text = str(value).strip()
        if not text:
            return None
        number = re.fullmatch(r"#?0*([1-9][0-9]{0,17})", text)
        if number is None:
            self.fail(f"{text[:50]!r} is not a number on GitHub, such as 7", param, ctx)
        return int(number[1])
