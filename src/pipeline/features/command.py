"""`pipeline features`: what the feature code of this work tree computes, in which order, and at what cost."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from pipeline.core import params, parquet
from pipeline.data.contract import schema
from pipeline.features import checkout, contract_columns, fitting, in_tables, package, parity, timing
from pipeline.features.code import FeatureCode
from pipeline.features.values import Array

SHOWN_ROWS, TIMED_ROWS = 3, 10_000
SAME = "the same values alone, together, in another order and in pieces"


@click.command("features", short_help="Show or check the project's features.")
@click.option("--check", "only_check", is_flag=True, help="Only check that each row's values depend on that row alone.")
@click.option("--train", "train_path", type=click.Path(path_type=Path), default=Path("data/split/train.parquet"))
def command(only_check: bool, train_path: Path) -> None:
    """Check the features of src/project/features/, and show their order, inputs, first rows and costs.

    The rows are those of --train, where `make run` has made them; --check also makes rows from data/schema.yaml.
    """
    contract, knobs = schema.read(schema.PATH), params.read()
    code = checkout.unfitted(contract, knobs.data, knobs.task, knobs.features)
    if not code.plan.order:
        click.echo(f"features: none: {package.FOLDER}/ has no function; docs/how-to/add-a-feature.md shows how")
        return
    if only_check or not train_path.is_file():
        _check_made(code, contract)
    if train_path.is_file():
        train = parquet.read(train_path)
        inputs = in_tables.arrays(train.iloc[:TIMED_ROWS], code.inputs)
    elif only_check:
        return
    else:
        inputs = contract_columns.make(contract, code.inputs, parity.ROWS)
    fitted, rows = _checked(code, inputs), len(next(iter(inputs.values())))
    if only_check:
        click.echo(f"features: {min(rows, parity.ROWS)} training rows: {SAME}")
        return
    click.echo("\n".join(description(fitted, inputs, rows)))


def _check_made(code: FeatureCode, contract: schema.Schema) -> None:
    _checked(code, contract_columns.make(contract, code.inputs, parity.ROWS))
    click.echo(f"features: {parity.ROWS} rows made from {schema.PATH}: {SAME}")


def _checked(code: FeatureCode, inputs: Mapping[str, Array]) -> FeatureCode:
    """The code fitted on these rows and checked on the first of them; PipelineError, a line for each problem."""
    fitted = fitting.fit(code, inputs)
    rows = min(parity.ROWS, len(next(iter(inputs.values()))))
    parity.check(fitted, {name: values[:rows] for name, values in inputs.items()}, rows)
    return fitted


def description(code: FeatureCode, inputs: Mapping[str, Array], rows: int) -> Iterator[str]:
    """Each function's features in the order in which they are called, with inputs, first values and costs."""
    known = code.compute(inputs, rows)
    for call in code.calls:
        function = call.function
        one, many = timing.seconds(known, call, 1), timing.seconds(known, call, rows)
        cost = f"{one * 1e6:.1f} µs a row alone, {many / rows * 1e6:.3f} µs in a table"
        yield f"{', '.join(function.outputs)}  ({package.FOLDER}/{function.file}:{function.line})"
        if function.description:
            yield f"  {function.description}"
        yield f"  reads {', '.join(function.reads)}; {cost}"
        for name in function.outputs:
            off = "" if name in code.features else "  (off: the model does not see it)"
            yield f"  {name}: {', '.join(map(_text, known[name][:SHOWN_ROWS].tolist()))}, ...{off}"


def _text(value: object) -> str:
    return "missing" if value is None or value != value else f"{value:.6g}" if isinstance(value, float) else str(value)
