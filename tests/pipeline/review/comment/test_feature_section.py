"""The comment on a change of feature code: which features, their figures, the code as a diff, and two warnings."""

import json
from pathlib import Path
from typing import Any

from pipeline.review.comment.render import render
from pipeline.review.measure.feature_report import FILE, MAX_CODE
from tests.pipeline.review.comment import reading
from tests.pipeline.review.comment.factories import bundle, context, scored, verdict

MAIN = '''def ratio(amount, limit):
    """Amount over limit."""
    return amount / limit


def gone(amount):
    return -amount


def kept(town):
    return town
'''
HERE = '''import numpy as np


def ratio(amount, limit):
    """Amount over limit."""
    return amount / np.maximum(limit, 1)


def kept(town):
    return town


def fresh(amount, state):
    return amount - state["mean"]


def fit_fresh(amount):
    return {"mean": amount.mean()}
'''
FIGURES = {"microseconds": 2.34, "missing": 0.125, "drift": 0.25, "alone": 0.61}


def comment(
    folder: Path,
    main: dict[str, str] | None,
    here: dict[str, str],
    figures: dict[str, Any] | None = None,
    problem: str | None = None,
    **report: Any,
) -> str:
    made = bundle(folder, "binary", scored("binary", 1.2, 3))
    names = figures if figures is not None else {"ratio": FIGURES, "kept": FIGURES, "fresh": FIGURES}
    content = {"files": here, "features": names, "alone_metric": "roc_auc", **report}
    (folder / FILE).write_text(json.dumps(content))
    (folder / "importance.json").write_text(
        json.dumps([{"feature": "fresh", "gain": 0.1, "shap": 0.1}, {"feature": "kept", "gain": 0.3, "shap": 0.1}])
    )
    known = context(main_features=main, features_problem=problem)
    return render(made, verdict("binary", scored("binary", 1.2, 3)), known).replace("\u00a0", " ")


def section(text: str) -> str:
    return text.partition("<summary><b>Features in code</b>")[2].partition("</details>")[0]


def test_added_changed_and_removed_features_have_a_row_with_their_figures(tmp_path: Path) -> None:
    text = section(comment(tmp_path, {"a.py": MAIN}, {"a.py": HERE}))
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert rows == [
        "| changed | <code>ratio</code> | – | 12.5 % | 25 % | 0.6100 | 2.3 |",
        "| added | <code>fresh</code> | 25 % | 12.5 % | 25 % | 0.6100 | 2.3 |",
        "| removed | <code>gone</code> | – | – | – | – | – |",
    ]


def test_the_codes_difference_is_folded_and_no_text_of_it_escapes(tmp_path: Path) -> None:
    evil = HERE + '\n# ``` </details> @everyone <script>alert(1)</script>\n#\u202e\n"""\n````\n"""\n'
    text = comment(tmp_path, {"a.py": MAIN}, {"a.py": evil})
    (body,) = [body for _, language, body in reading.FENCES.findall(section_raw(text)) if language == "diff"]
    assert "-    return amount / limit" in body.splitlines()
    assert "+    return amount / np.maximum(limit, 1)" in body.splitlines()
    assert "\u202e" not in text
    assert "script" not in reading.tags(text)
    assert "@everyone" not in reading.visible_text(text)


def section_raw(text: str) -> str:
    return text.partition("<summary><b>Features in code</b>")[2]


def test_the_figure_of_a_feature_alone_has_the_name_of_its_metric(tmp_path: Path) -> None:
    text = comment(tmp_path, {"a.py": MAIN}, {"a.py": HERE})
    assert "| alone, ROC AUC |" in section(text)
    hostile = comment(tmp_path / "other", {"a.py": MAIN}, {"a.py": HERE}, alone_metric="<b>x</b> | @everyone")
    assert "<b>x</b>" not in hostile
    assert "@everyone" not in reading.visible_text(hostile)


def test_the_same_code_has_no_section(tmp_path: Path) -> None:
    assert not section(comment(tmp_path, {"a.py": HERE}, {"a.py": HERE}))


def test_a_change_of_a_helper_is_shown_though_no_feature_is_another(tmp_path: Path) -> None:
    text = section(comment(tmp_path, {"a.py": HERE, "_b.py": "X = 1\n"}, {"a.py": HERE, "_b.py": "X = 2\n"}))
    assert "| changed |" not in text
    assert "+X = 2" in text


def test_code_that_is_not_known_to_be_the_commits_is_not_shown(tmp_path: Path) -> None:
    text = comment(tmp_path, {"a.py": MAIN}, {"a.py": HERE}, problem="the run reports other code than the commit has")
    assert "The features’ code is not shown: the run reports other code than the commit has." in text
    assert not section(text)


def test_a_feature_that_alone_gives_the_target_is_called_a_likely_leak_with_figure_and_bound(tmp_path: Path) -> None:
    leaking = {"fresh": FIGURES | {"alone": 0.997}, "kept": FIGURES | {"alone": 0.949}}
    text = comment(tmp_path, {"a.py": MAIN}, {"a.py": HERE}, leaking)
    (line,) = [line for line in text.splitlines() if "Likely leak" in line]
    assert line == (
        "⚠️ **Likely leak:** <code>fresh</code> alone gives the target, ROC AUC 0.9970 on test rows (called out from "
        "0.95 on). Is its value known when a prediction is asked for?"
    )


def test_columns_that_mains_model_does_not_need_are_called_out_for_clients(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    made = {"features": [{"name": "income", "source": "income"}], "raw": [{"name": "income"}, {"name": "new|col"}]}
    comment(folder, None, {})
    text = comment(folder, {"a.py": MAIN}, {"a.py": HERE}, columns_main=["income", "age"])
    assert "Clients must follow" not in text
    (folder / "signature.json").write_text(json.dumps(made))
    factory = bundle(folder, "binary")
    (folder / "signature.json").write_text(json.dumps(made))
    text = render(factory, verdict("binary"), context(main_features={}))
    assert "⚠️ **Clients must follow:** the model needs <code>new\\|col</code>, which main’s does not." in text


def test_code_too_long_or_of_another_shape_is_not_parsed(tmp_path: Path) -> None:
    long = {"a.py": "x = 1\n" * (MAX_CODE // 5)}
    assert not section(comment(tmp_path / "a", long, {"a.py": HERE}))
    broken = comment(tmp_path / "b", {"a.py": MAIN}, {"a.py": "def f(:\n"})
    assert "can't be read from this measurement" in broken
    deep = comment(tmp_path / "c", {"a.py": MAIN}, {"a.py": "def f(x):\n    return " + "(" * 5000 + "\n"})
    assert "can't be read from this measurement" in deep


def test_a_report_of_the_wrong_shape_is_a_note(tmp_path: Path) -> None:
    text = comment(tmp_path, {"a.py": MAIN}, {"a.py": HERE}, {"fresh": {"microseconds": "fast"}})
    assert "*Features: can't be read from this measurement.*" in text
