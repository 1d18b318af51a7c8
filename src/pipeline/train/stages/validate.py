"""Stage: the raw table against the data contract. Every violation is reported at once; the data is never changed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd

from pipeline.core import costs, files, lookalikes, params, parquet
from pipeline.core.errors import PipelineError
from pipeline.data.contract import check, leaks, missing_words, schema, target, widening
from pipeline.data.contract.check import Violation
from pipeline.data.values import conversion
from pipeline.evaluation import leaks as leak_finder
from pipeline.evaluation.leaks import Leak

MAX_TWINS = 2  # rows that a warning names
NONE: Mapping[str, Leak] = {}


@click.command(short_help="Stage: the raw table against the data contract.")
@click.option("--table", "table_path", type=click.Path(path_type=Path), required=True, help="The raw table.")
@click.option("--schema", "schema_path", type=click.Path(path_type=Path), required=True, help="The data contract.")
@click.option("--report", "report_path", type=click.Path(path_type=Path), required=True, help="The report to write.")
@click.option("--show-values", is_flag=True, help="Print values that break the contract, too (not for public logs).")
def command(table_path: Path, schema_path: Path, report_path: Path, show_values: bool) -> None:
    """Check the raw table against the data contract and the task, and report every violation."""
    task, contract = params.section(params.TaskSection), schema.read(schema_path)
    roles = (params.section(params.Data).key, task.target, params.section(params.Split).time)
    unlogged = widening.unlogged(contract, params.section(params.Features).exclude, (), roles)
    with costs.measured("validate") as cost:
        table = parquet.read(table_path)
        violations = check.violations(table, contract, task)
        unfit = _unfit_target(table, contract, task)
        twins = lookalike_values(table, contract)
        leaking = {} if violations or unfit else _leaks(table, contract, task, roles)
        files.write_json(report_path, report(table, violations, twins, leaking))
        cost["rows"] = len(table)
    for line in [*unlogged, *map(_lookalikes_line, twins), *(_leak_line(leak) for leak in leaking.values())]:
        click.echo(f"validate: warning: {line}")
    if violations:
        click.echo(violations_table(violations, show_values))
        for name in {violation.column: None for violation in violations if violation.check in ("type", "allowed")}:
            if words := missing_words.found(table[name]):
                click.echo(f"validate: {missing_words.hint(name, words)}")
        unfit.append(
            f"validate: {len(violations):,} {'violation' if len(violations) == 1 else 'violations'} of {schema_path} "
            f"(see above, or {report_path}), the first: {_in_words(violations[0])}; correct the data, or the contract "
            "where it is wrong"
        )
    if unfit:
        raise PipelineError("\n".join(unfit))
    click.echo(f"validate: {len(table):,} rows keep the contract of {len(contract.columns)} columns")


def _in_words(violation: Violation) -> str:
    """The column, the check, how many rows and what was expected; its values are not for public logs."""
    rows = f"{violation.count:,} row{'' if violation.count == 1 else 's'}"
    return f"{violation.column}: {violation.check}, {rows}, expected {violation.expected}"


def _unfit_target(table: pd.DataFrame, contract: schema.Schema, task: params.TaskSection) -> list[str]:
    """One line for each value of the task that does not fit the target."""
    column = contract.columns.get(task.target)
    if column is None or task.target not in table.columns:
        return []  # a missing column is a violation
    problems = target.contract_problems(task, contract)
    return problems or target.value_problems(conversion.convert(table[task.target], column.type)[0], task)


def lookalike_values(table: pd.DataFrame, contract: schema.Schema) -> list[dict[str, Any]]:
    """Columns of text with values that look the same and are different: in how many rows, and one row of each of the
    first such values (from 1). Names of columns that look the same are under the column ""."""
    entries = [
        {"column": "", "values": len(same), "rows": [], "count": len(table)}
        for same in lookalikes.groups(map(str, table.columns))
    ]
    for name, column in contract.columns.items():
        if column.type in ("category", "text") and name in table.columns:
            texts = conversion.labels(table[name]).reset_index(drop=True)
            if groups := lookalikes.groups(texts.dropna().unique()):
                rows = sorted(int(texts.eq(text).to_numpy().argmax()) + 1 for text in groups[0][:MAX_TWINS])
                values = [text for same in groups for text in same]
                count = int(texts.isin(values).sum())
                entries.append({"column": name, "values": len(values), "rows": rows, "count": count})
    return entries


def _leaks(
    table: pd.DataFrame, contract: schema.Schema, task: params.TaskSection, roles: Sequence[str | None]
) -> dict[str, Leak]:
    """The features that give the target away, by name, without those that features.allow names."""
    settings, split = params.section(params.Features), params.section(params.Split)
    others = {*filter(None, (*roles, split.group)), *settings.exclude, *settings.allow}
    typed = schema.typed(table, contract)
    found = {
        name: Leak(name, "equal", 1.0, True, f"{name} is the target in other words")
        for name in leaks.find(typed, task.target, others)
    }
    rest = [str(name) for name in typed.columns if name not in {task.target, *others, *found}]
    apart = leak_finder.Apart(split.time, split.group)
    return found | {leak.column: leak for leak in leak_finder.proven(typed, task.target, task.type, rest, apart)}


def _leak_line(leak: Leak) -> str:
    return (
        f"column {leak.sentence}; name it in features.exclude, or in features.allow with the reason: until then the "
        "gate fails"
    )


def _lookalikes_line(entry: Mapping[str, Any]) -> str:
    reason = "look the same and are written with other characters (composed or decomposed letters, odd spaces)"
    if not entry["column"]:
        return f"{entry['values']} columns {reason}; rename all but one in the source"
    rows = " and ".join(f"{row:,}" for row in entry["rows"])
    return (
        f"column {entry['column']}: {entry['values']:,} values {reason}, in {entry['count']:,} rows, such as rows "
        f"{rows}; they count as different; write them one way in the source"
    )


def report(
    table: pd.DataFrame,
    violations: Sequence[Violation],
    twins: Sequence[Mapping[str, Any]] = (),
    leaking: Mapping[str, Leak] = NONE,
) -> dict[str, Any]:
    """The JSON report: sizes, missing values of the columns that have any, violations without values and, where there
    are any, columns with values that look the same and columns that give the target away, with how."""
    missing = table.isna().sum()
    extra: dict[str, Any] = {"lookalikes": list(twins)} if twins else {}
    extra |= {"leaks": list(leaking)} if leaking else {}
    kinds = {name: leak.how for name, leak in leaking.items() if leak.how != "equal"}
    extra |= {"leak_kinds": kinds} if kinds else {}
    return extra | {
        "rows": len(table),
        "columns": table.shape[1],
        "missing": {str(name): int(count) for name, count in missing.items() if count},
        "violations": [
            {
                "check": violation.check,
                "column": violation.column,
                "expected": violation.expected,
                "count": violation.count,
                "rows": list(violation.rows),
            }
            for violation in violations
        ],
    }


def violations_table(violations: Sequence[Violation], show_values: bool) -> str:
    """The violations as an aligned table; `first rows` are numbers of data rows, from 1."""
    head = ["check", "column", "rows", "expected", "first rows", *(["values"] if show_values else [])]
    lines = [head, *(_line(violation, show_values) for violation in violations)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _line(violation: Violation, show_values: bool) -> list[str]:
    more = ", …" if 0 < len(violation.rows) < violation.count else ""
    rows = ", ".join(map(str, violation.rows)) + more if violation.rows else "all"
    return [
        violation.check,
        violation.column,
        f"{violation.count:,}",
        violation.expected,
        rows,
        *([", ".join(violation.values)] if show_values else []),
    ]
