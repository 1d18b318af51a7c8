"""A database of trials that can't be used: damaged, another file, or of another version of Optuna."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.core.errors import PipelineError
from pipeline.train.tuning import study as studies
from tests.pipeline.train.tuning.conftest import run


def changed(*statements: str) -> Callable[[Path], None]:
    """Runs SQL on the database of a study with one trial."""

    def change(path: Path) -> None:
        run("--trials", "1")
        with closing(sqlite3.connect(path)) as database, database:
            for statement in statements:
                database.execute(statement)

    return change


UPGRADE = "`optuna storage upgrade --storage sqlite:///.pipeline/tune.db`"
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "garbage": (
        lambda path: path.write_bytes(b"garbage\n" * 200),
        "the database of trials can't be used (file is not a database)",
    ),
    "a folder": (Path.mkdir, "the database of trials can't be used (unable to open database file)"),
    "an older version": (
        changed("update alembic_version set version_num = 'v0.9.0.a'", "update version_info set schema_version = 1"),
        f"made by another version of Optuna; {UPGRADE}",
    ),
    "a newer version": (
        changed("update alembic_version set version_num = 'v9.0.0.a'"),
        f"made by another version of Optuna; {UPGRADE}",
    ),
    "values that are no JSON": (
        changed("update trial_user_attributes set value_json = '{' where key = 'values'"),
        "the database of trials is damaged (JSONDecodeError",
    ),
    "values that are gone": (
        changed("delete from trial_user_attributes where key = 'values'"),
        "the database of trials is damaged (KeyError: 'values')",
    ),
    "values that are not allowed": (
        changed("update trial_user_attributes set value_json = '{\"num_leaves\": -1}' where key = 'values'"),
        "the database of trials is damaged (ValidationError",
    ),
}


@pytest.mark.parametrize(("damage", "problem"), DAMAGES.values(), ids=DAMAGES)
def test_a_database_that_can_not_be_used_is_named_with_the_way_out(
    project: Path, damage: Callable[[Path], object], problem: str
) -> None:
    studies.DATABASE.parent.mkdir()
    damage(studies.DATABASE)
    with pytest.raises(PipelineError) as raised:
        run("--trials", "2")
    assert str(raised.value).startswith(f".pipeline/tune.db: {problem}")
    assert str(raised.value).endswith("remove it to start anew, without its trials")


def test_an_empty_database_is_a_new_one(project: Path) -> None:
    studies.DATABASE.parent.mkdir()
    studies.DATABASE.touch()
    assert run("--trials", "1").exit_code == 0
