"""What the verdict is on is said where the model that ships was fitted again."""

from pathlib import Path

from pipeline.models.signature import Rows
from pipeline.review.gate import procedure
from tests.pipeline.review.baseline.test_scored import HASHED, signature


def test_only_a_model_that_was_fitted_again_needs_the_sentence(tmp_path: Path) -> None:
    path = tmp_path / "signature.json"
    assert procedure.note(path) == []
    path.write_text(signature(HASHED).model_dump_json())
    assert procedure.note(path) == []
    learned = Rows(count=94303, first="2013-01-01", last="2013-07-31")
    path.write_text(signature(HASHED).model_copy(update={"format": 3, "refitted": learned}).model_dump_json())
    (line,) = procedure.note(path)
    assert line.startswith("the verdict is on the procedure, by rows that the measured model had not seen")
    assert line.endswith("fitted on all 94,303 rows, 2013-01-01 to 2013-07-31")
