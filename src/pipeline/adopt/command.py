"""`pipeline adopt`: a person's table becomes the project's, by a page of decisions that can each be changed."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pipeline.adopt import choices as choosing
from pipeline.adopt import parameters, project_files, reading, workplace
from pipeline.adopt.choices import Choices
from pipeline.adopt.columns import Column, describe
from pipeline.adopt.decisions import Decision, page
from pipeline.adopt.questions import Questions, can_ask, one_of
from pipeline.adopt.reading import Source
from pipeline.core import files, params, parquet
from pipeline.core.errors import PipelineError
from pipeline.core.git import git
from pipeline.data.contract import inference, schema
from pipeline.data.source import dvc_files

IN_GIT = 50 * 10**6  # bytes of data that git may take
SAMPLE_FROM, SAMPLE_ROWS = 20_000, 5_000  # a larger table is tried with a sample first
TRIAL = "data/adopt_trial.parquet"
REMOTE_PAGE = "docs/how-to/your-own-data.md#where-the-data-goes"


@click.command(short_help="Make a table of your own the project's.")
@click.argument("source")
@click.option("--target", required=True, help="Column to predict.")
@click.option("--name", help="Name of the model (default: made of source and target).")
@click.option("--task", help="binary, multiclass or regression, where the target alone does not tell.")
@click.option("--positive", help="Value of a binary target whose probability is predicted.")
@click.option("--key", help="Column that names each row once; none: there is none.")
@click.option("--split", help="rows, time:COLUMN or group:COLUMN: how test rows are kept apart.")
@click.option("--exclude", help="Columns, between commas, that are not known yet when the prediction is made; or none.")
@click.option("--sensitive", help="Columns, between commas, that fairness is evaluated on; or none.")
@click.option("--golden", help="public: 20 test rows may stand in the public image; none.")
@click.option(
    "--data", help="git: the data, up to 50 MB, go into git; dvc: to the DVC remote (the default where there is one)."
)
@click.option("--dates", help="Form of dates that can be read in two ways, as %d/%m/%Y.")
@click.option("--encoding", help="Encoding of CSV files, where the letters alone do not tell, as cp1250.")
@click.option("--yes", is_flag=True, help="Ask nothing: refuse where a question has no option.")
@click.option("--dry-run", is_flag=True, help="Show the decisions alone.")
def command(
    source: str,
    target: str,
    name: str | None,
    dates: str | None,
    encoding: str | None,
    yes: bool,
    dry_run: bool,
    **given: str | None,
) -> None:
    """Read a table (a path, a glob or a URL; CSV, Parquet, Excel, JSON lines), decide how a model learns from it, and
    make it this project's data: params.yaml, contract, README, tests and the first model. The sample goes."""
    root, current = Path(), params.read()
    table = reading.read(source, root, dates, encoding)
    workplace.check_clean(root, [path for _, path in table.files])
    columns = describe(table.table)
    questions = Questions(dict(given), can_ask(yes))
    in_dvc = _place(root, table, questions)
    choices = choosing.choose(table.table, columns, target, questions)
    _amounts(choices, columns)
    title = f"adopt: {source}, {len(table.table):,} rows, {len(columns):,} columns"
    placed = [Decision("Source", "--data", "dvc", "there is a DVC remote", "git keeps a .dvc file beside each")]
    decisions = [*table.decisions, *(placed if in_dvc else []), *choices.decisions]
    for line in page(title, decisions, [*table.findings, *choices.findings]):
        click.echo(line)
    if dry_run:
        click.echo("\nNothing was changed: --dry-run")
        return
    values = _values(current, table, choices, name, project_files.is_sample(root))
    floors, changed = _adopt(root, table, columns, choices, values, in_dvc=in_dvc)
    for metric, floor, how in floors:
        click.echo(f"  gate.floors.{metric:<10} {floor:g}\n      {how}")
    if not changed:
        click.echo("\nadopt: nothing to change: the project is this table's already")
        return
    click.echo(f"\nadopt: {len(changed):,} files changed; now once here:")
    click.echo(workplace.run(root, "pipeline", "run").rstrip())
    for line in next_steps():
        click.echo(line)


def _place(root: Path, table: Source, questions: Questions) -> bool:
    """Whether DVC holds the data, where there is a remote; else git does, up to 50 MB, after a question."""
    if not table.names:
        return False
    given = questions.given.get("data")
    tracked = any(git(root, "ls-files", "--error-unmatch", name).returncode == 0 for name in table.names)
    remote = dvc_files.remote_configured(root)
    if given not in (None, "git", "dvc"):
        raise PipelineError(f"--data: {given!r} is none of git, dvc")
    if given == "dvc" and not remote:
        raise PipelineError(f"--data: dvc needs a DVC remote, and there is none: {REMOTE_PAGE} says how to set one up")
    if given == "dvc" and tracked:
        raise PipelineError(
            f"--data: git holds {table.names[0]} already; `git rm --cached` it and commit that, then adopt it again"
        )
    if remote and given != "git" and not tracked:
        return True
    size = table.size if table.files else int(table.table.memory_usage(deep=True).sum() / 4)
    if size > IN_GIT:
        raise PipelineError(
            f"{table.path}: {size / 1e6:,.0f} MB are more than git should take (50 MB), and every clone, rebuild and "
            "release must read the data: put the file on a web server or a store, and adopt its URL (https://, s3://), "
            f"or set up a DVC remote ({REMOTE_PAGE})"
        )
    question = (
        f"{table.path} ({size / 1e6:.2g} MB) goes into git, where everyone who reads the repository reads it: agreed?"
    )
    questions.answer("data", question, ["git"], one_of(["git"]))
    return False


def _amounts(choices: Choices, columns: Sequence[Column]) -> None:
    for column in columns:
        if column.amount and column.name not in (choices.values["data.key"], choices.values["task.target"]):
            evidence = (
                f"whole numbers, {column.distinct:,} different ones in {column.present:,} rows, that do not count rows"
            )
            choices.decisions.append(Decision("Columns", f"schema: {column.name}", "number", evidence, "an amount"))
    choices.decisions.sort(key=lambda one: choosing.SECTIONS.index(one.section))


def _values(
    current: params.Params, table: Source, choices: Choices, name: str | None, first: bool
) -> dict[str, dict[str, Any]]:
    """All of params.yaml: what was chosen, what no table of another says, and for the rest what stands there."""
    target = choices.values["task.target"]
    chosen: dict[str, Any] = {
        **choices.values,
        "data.source": table.path,
        "data.csv": table.form.model_dump(),
        "data.missing": list(table.missing),
        "gate.floors": {},
    }
    if first:
        title = name or f"{target} of {Path(table.path).name.split('.')[0]}"
        chosen |= {
            "card.title": title,
            "card.purpose": f"Predict {target}.",
            "card.not_for": "Not said yet: write here what the model must not be used for.",
            "card.licence": "Not said yet: write here who may use the data.",
            "tracking.experiment": project_files.slug(title),
            "deploy.name": project_files.slug(title),
            "data.added": None,
            "features.off": [],
            "features.allow": {},
            "monitor.labels": None,
            "monitor.blocks": None,
        }
    elif name:
        chosen["card.title"] = name
    return parameters.with_choices(current, chosen)


def _adopt(
    root: Path,
    table: Source,
    columns: Sequence[Column],
    choices: Choices,
    values: dict[str, dict[str, Any]],
    *,
    in_dvc: bool,
) -> tuple[list[tuple[str, float, str]], dict[str, bool]]:
    """Try everything in a work tree, then bring it here; the floors, and what changed."""
    with workplace.work_tree(root) as project:
        first = project_files.is_sample(project)
        _bring_data(project, table, in_dvc=in_dvc)
        _write_params(project, values)
        if first:
            project_files.write(project, values, len(table.table), len(columns))
        workplace.run(project, "pipeline", "fetch")
        _write_contract(project, columns, choices)
        if len(table.table) > SAMPLE_FROM:
            click.echo("\nadopt: a run on a sample of the rows ...")
            _trial(project, table, values)
        click.echo("\nadopt: the first run on all rows ...")
        workplace.run(project, "dvc", "repro", "--quiet")
        metrics = files.read_json(project / "reports/metrics.json")
        task = values["task"]["type"]
        floors = list(choosing.floors(metrics, task, values["gate"]["primary"]))
        values["gate"]["floors"] = {metric: floor for metric, floor, _ in floors}
        _write_params(project, values)
        changed = workplace.changes(project)
        workplace.apply(project, root, changed)
    if in_dvc:
        _store(root, table)
    return floors, changed


def _store(root: Path, table: Source) -> None:
    """The data beside their .dvc files, and on the remote."""
    dvc_files.bring(root)
    if problem := dvc_files.push(root, table.names):
        click.echo(
            f"warning: the DVC remote did not take the data ({problem}); `dvc push` before the pull request", err=True
        )


def _bring_data(project: Path, table: Source, *, in_dvc: bool) -> None:
    for path, place in table.files:
        target = project / place
        if not in_dvc and git(project, "check-ignore", "--quiet", place).returncode == 0:
            raise PipelineError(
                f"{place}: git ignores this path, and a clone would lack the data; put the file into data/ itself"
            )
        if not target.is_file() or path != target:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    if table.rewritten:
        parquet.write(project / table.path, table.table)
    if in_dvc:
        dvc_files.add(project, table.names)


def _write_params(project: Path, values: dict[str, dict[str, Any]]) -> None:
    path = project / params.PATH
    files.write_text(path, parameters.document(values))
    params.forget()  # what was read before it was written again
    params.read(path)


def _write_contract(project: Path, columns: Sequence[Column], choices: Choices) -> None:
    """The contract that `pipeline schema` infers, with amounts as numbers."""
    path = project / schema.PATH
    path.unlink(missing_ok=True)
    workplace.run(project, "pipeline", "schema")
    roles = (choices.values["data.key"], choices.values["task.target"])
    amounts = {column.name for column in columns if column.amount and column.name not in roles}
    inferred = schema.read(path)
    if amounts:
        retyped = {
            name: column.model_copy(update={"type": "number"}) if name in amounts else column
            for name, column in inferred.columns.items()
        }
        files.write_text(path, inference.document(inferred.model_copy(update={"columns": retyped})))


def _trial(project: Path, table: Source, values: dict[str, dict[str, Any]]) -> None:
    """One run on a sample of the rows, so that an error comes in seconds; nothing of it stays."""
    parquet.write(project / TRIAL, table.table.sample(SAMPLE_ROWS, random_state=0).sort_index())
    small = {
        **values,
        "data": values["data"] | {"source": TRIAL},
        "train": values["train"] | {"max_trees": 20, "min_data_in_leaf": 5},
        "evaluate": values["evaluate"] | {"bootstrap": 100},
    }
    lock, fingerprint = project / "dvc.lock", project / "data/source.json"
    kept = {path: path.read_bytes() for path in (lock, fingerprint) if path.exists()}
    _write_params(project, small)
    workplace.run(project, "pipeline", "fetch")
    workplace.run(project, "dvc", "repro", "--quiet", "evaluate")
    (project / TRIAL).unlink()
    for path in (lock, fingerprint):
        path.unlink(missing_ok=True)
        if path in kept:
            path.write_bytes(kept[path])
    _write_params(project, values)


def next_steps() -> list[str]:
    """What a person does next."""
    return [
        "",
        "Next:",
        "  1. Read what changed (git diff), and write card.not_for and card.licence in params.yaml.",
        "  2. git switch --create own-data && git add --all && git commit -m 'Our own data'; open a pull request.",
        "     Main's bounds are another project's: a person accepts the first model (docs/how-to/your-own-data.md).",
        "  3. Put it on GitHub: docs/how-to/set-up-github.md.",
    ]
