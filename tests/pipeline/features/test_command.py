"""`pipeline features`: shown and checked, with training rows and without."""

from pathlib import Path

import pytest

from pipeline.features import package
from tests.pipeline import in_process
from tests.pipeline.conftest import small_table

SOURCE = '''
def wealth(income, age):
    """Income by year of age."""
    return income / (age + 1)

def relative(wealth, state):
    return wealth / state["mean"]

def fit_relative(wealth):
    return {"mean": 10.0}
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a contract, of which nothing has run."""
    monkeypatch.chdir(tmp_path)
    package.FOLDER.mkdir(parents=True)
    small_table("binary", 300).to_parquet("table.parquet", index=False)
    in_process.configure("binary", "outcome", "yes", data={"source": "table.parquet", "key": "id"})
    for command in ("fetch", "schema"):
        assert in_process.run(command)[0] == 0
    return tmp_path


def write(source: str) -> None:
    (package.FOLDER / "made.py").write_text(source)


def test_a_project_without_functions_says_so(folder: Path) -> None:
    status, printed = in_process.run("features", "--check")
    assert (status, printed) == (
        0,
        "features: none: src/project/features/ has no function; docs/how-to/add-a-feature.md shows how\n",
    )


def test_it_shows_order_inputs_descriptions_values_and_costs(folder: Path) -> None:
    write(SOURCE)
    small_table("binary", 300).to_parquet("train.parquet", index=False)
    status, printed = in_process.run("features", "--train", "train.parquet")
    assert status == 0, printed
    lines = printed.splitlines()
    assert lines[0] == "wealth  (src/project/features/made.py:2)"
    assert lines[1] == "  Income by year of age."
    assert lines[2].startswith("  reads income, age; ")
    assert lines[2].endswith(" µs in a table")
    first = small_table("binary", 300).iloc[0]
    assert lines[3].startswith(f"  wealth: {first.income / (first.age + 1):.6g}, ")
    assert lines[4] == "relative  (src/project/features/made.py:6)"
    assert lines[5].startswith("  reads wealth, state; ")


def test_without_training_rows_it_shows_made_ones(folder: Path) -> None:
    write(SOURCE)
    status, printed = in_process.run("features")
    assert status == 0, printed
    assert "wealth  (" in printed


def test_the_check_needs_no_data_and_takes_the_training_rows_where_there_are_some(folder: Path) -> None:
    write(SOURCE)
    same = "the same values alone, together, in another order and in pieces"
    made = f"features: 500 rows made from data/schema.yaml: {same}\n"
    assert in_process.run("features", "--check") == (0, made)
    small_table("binary", 300).to_parquet("train.parquet", index=False)
    checked = in_process.run("features", "--check", "--train", "train.parquet")
    assert checked == (0, f"{made}features: 300 training rows: {same}\n")


def test_what_made_rows_show_is_refused_without_data(folder: Path) -> None:
    write("def rate(income, age):\n    return income / age")  # the contract allows an age of 0
    status, printed = in_process.run("features", "--check")
    assert status == 2
    assert printed.startswith("error: src/project/features/made.py:1: rate: it is infinite, or beyond float32")


@pytest.mark.parametrize("name", ["slices", "sensitive"])
def test_a_feature_makes_no_group(folder: Path, name: str) -> None:
    from pipeline.core import params
    from pipeline.core.errors import PipelineError
    from pipeline.train import reproduce

    write(SOURCE)
    evaluate = in_process.SMALL["evaluate"] | {name: ["wealth"]}
    in_process.configure("binary", "outcome", "yes", data={"source": "table.parquet", "key": "id"}, evaluate=evaluate)
    with pytest.raises(PipelineError, match=f"evaluate.{name}: wealth is no column .*; it is a feature of src/project"):
        reproduce.check_names(params.read())
