"""params.yaml as adopt writes it: every key with its comment, and values that are read back as they are."""

from pathlib import Path

from pipeline.adopt import parameters
from pipeline.core import params
from tests.pipeline.conftest import FROZEN
from tests.pipeline.test_reference_pages import commented, descriptions


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    current = params.read(FROZEN / "params.yaml")
    path = tmp_path / "params.yaml"
    path.write_text(parameters.document(current.model_dump(mode="json")), encoding="utf-8")
    assert params.read(path) == current
    described = dict(descriptions(params.Params, current.model_dump()))
    comments = {key: comment for key, comment in commented(path.read_text(encoding="utf-8")) if key in described}
    assert comments == described


def test_names_with_signs_are_quoted(tmp_path: Path) -> None:
    odd = ["a: b", "c, d", "#e", "yes", "1", "größe", 'say "x"', " f", "null", "tab\\x"]
    current = params.read(FROZEN / "params.yaml")
    values = parameters.with_choices(
        current, {"features.exclude": odd, "data.csv": params.Csv(separator=";").model_dump()}
    )
    path = tmp_path / "params.yaml"
    path.write_text(parameters.document(values), encoding="utf-8")
    written = params.read(path)
    assert list(written.features.exclude) == odd
    assert written.data.csv.separator == ";"
