"""A model's text is refused where LightGBM would abort the process on it, or never end."""

import re
from pathlib import Path

import pytest

from pipeline.core.errors import PipelineError
from pipeline.models import model, model_text, tree_text

KEPT = Path(__file__).parents[1] / "formats/adbf4ff"


def text(task: str = "binary") -> str:
    return (KEPT / task / model_text.MODEL).read_text(encoding="utf-8")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_whole_model_is_read(task: str) -> None:
    assert tree_text.problem(text(task)) is None


def changed(pattern: str, by: str) -> str:
    """The model with the first match replaced, and the head's sizes of the trees corrected."""
    content, count = re.subn(pattern, by, text(), count=1)
    assert count == 1
    trees = re.findall(r"Tree=\d+\n.*?\n\n\n", content, re.DOTALL)
    return re.sub("tree_sizes=.*", f"tree_sizes={' '.join(str(len(tree)) for tree in trees)}", content)


DAMAGES = {
    "": "it is not a complete LightGBM model",
    text().replace("[boosting: gbdt]", "[b"): "it is not a complete LightGBM model",
    text().replace("max_feature_idx=6", "max_feature_idx=x"): "its head is not that of a model with trees",
    text().replace("leaf_count=36 ", "leaf_count=6 "): "tree 1 is not where its head says",
    text().replace("end of trees", "Tree=5\n\nend of trees"): "it has more or fewer trees than its head says",
    changed("num_leaves=4", "num_leaves=-4"): "tree 0: num_leaves is no count",
    changed("num_leaves=4", "num_leaves=5"): "tree 0: leaf_value is no list of 5 numbers",
    changed("leaf_value=-", "leaf_value=--"): "tree 0: leaf_value is no list of 4 numbers",
    changed("threshold=[^\n]*\n", ""): "tree 0: threshold is no list of 3 numbers",
    changed("split_feature=0 1 1", "split_feature=0 7 1"): "tree 0: a split is by a feature that the model has not",
    changed("left_child=1 -1 -2", "left_child=0 -1 -2"): "tree 0: its splits are no tree",
    changed("left_child=1 -1 -2", "left_child=1 -1 -9"): "tree 0: its splits are no tree",
    changed("is_linear=0", "is_linear=1"): "tree 0: is_linear is not 0",
    changed("num_cat=0", "num_cat=1"): "tree 0: num_cat is not the number of its splits by category",
    changed("cat_boundaries=0 1 2", "cat_boundaries=0 1 9"): "tree 1: its sets of categories do not fit their bounds",
    changed("cat_threshold=", "cat_threshold=x"): "tree 1: a set of categories is no list of numbers",
}


@pytest.mark.parametrize(("damaged", "problem"), DAMAGES.items(), ids=range(len(DAMAGES)))
def test_a_damaged_model_is_refused(damaged: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / model_text.MODEL
    path.write_text(damaged, encoding="utf-8")
    with pytest.raises(PipelineError, match=re.escape(f"{path}: damaged ({problem}); remove it and run `make run`")):
        model_text.read(path)


def test_what_lightgbm_refuses_itself_is_one_line_too(tmp_path: Path) -> None:
    damaged = text().replace("feature_infos=", "feature_info=")
    (tmp_path / model_text.MODEL).write_text(damaged, encoding="utf-8")
    (tmp_path / model_text.SIGNATURE).write_bytes((KEPT / "binary" / model_text.SIGNATURE).read_bytes())
    with pytest.raises(PipelineError, match=r"model\.txt: damaged \(Model file doesn't contain feature_infos\)"):
        model.load(tmp_path)
