"""`params.yaml` merged by key, with its comments."""

from pathlib import Path

from pipeline.core import template
from pipeline.core.yaml import parse_yaml
from pipeline.upgrade import parameters
from tests.pipeline.conftest import FROZEN, ROOT

KEPT = Path(__file__).parents[1] / "formats/adbf4ff/measurement/params.yaml"
OWN = """# Our settings.

train:
  seed: 7          # ours
  max_trees: 10

# The gate.
gate:
  floors:          # agreed in May
    rmse: 3
  primary: rmse
"""
BASE = OWN.replace("seed: 7          # ours", "seed: 0").replace("    rmse: 3\n", "    roc_auc: 0.7\n")


def merge(new: str, own: str = OWN, base: str = BASE, **moved: dict[str, str]) -> parameters.Merged:
    return parameters.merge(base, own, new, moved.get("renamed", {}), moved.get("removed", {}))


def test_what_the_template_leaves_alone_stays_byte_for_byte() -> None:
    assert merge(BASE) == parameters.Merged(OWN)


def test_a_new_key_comes_with_its_comments_where_the_template_has_it() -> None:
    new = BASE.replace("  max_trees", "  # Two lines\n  # of comment.\n  refit: true   # Fit again.\n  max_trees")
    merged = merge(new)
    expected = (
        "  seed: 7          # ours\n  # Two lines\n  # of comment.\n  refit: true   # Fit again.\n  max_trees: 10\n"
    )
    assert expected in merged.text
    assert merged.text.replace(expected, "  seed: 7          # ours\n  max_trees: 10\n") == OWN
    assert merged.done == ["train.refit: is new"]


def test_a_new_key_at_the_begin_or_the_end_of_a_section() -> None:
    new = BASE.replace("train:\n", "train:\n  first: 1\n").replace(
        "  max_trees: 10\n", "  max_trees: 10\n  last:\n    a: 1\n"
    )
    merged = merge(new)
    assert "train:\n  first: 1\n  seed: 7" in merged.text
    assert "  max_trees: 10\n  last:\n    a: 1\n\n# The gate.\n" in merged.text
    assert merged.done == ["train.first: is new", "train.last: is new"]


def test_a_new_section_and_another_indent() -> None:
    own = OWN.replace("\n  ", "\n    ").replace("\n      ", "\n        ")
    merged = merge(BASE.replace("  seed", "  refit: true\n  seed") + "\n# Served.\nserve:\n  rows: 5\n", own)
    assert "train:\n    refit: true\n    seed: 7" in merged.text
    assert merged.text.endswith("primary: rmse\n\n# Served.\nserve:\n  rows: 5\n")
    assert parse_yaml(merged.text, "x")["serve"] == {"rows": 5}


def test_names_of_the_project_get_no_company_from_the_sample() -> None:
    merged = merge(BASE.replace("roc_auc: 0.7", "roc_auc: 0.7\n    average_precision: 0.5"))
    assert merged.text == OWN


def test_a_key_that_the_project_removed_stays_away() -> None:
    assert merge(BASE, OWN.replace("  max_trees: 10\n", "")).text == OWN.replace("  max_trees: 10\n", "")


def test_a_changed_value_is_named_and_the_projects_stays() -> None:
    merged = merge(BASE.replace("max_trees: 10", "max_trees: 20").replace("seed: 0", "seed: 1"))
    assert merged.text == OWN
    assert merged.done == ["train.max_trees: stays 10; the template's is 20 now"]


def test_a_renamed_key_keeps_the_projects_value() -> None:
    own, base = (text.replace("primary:", "tolerance: 0.009   # ours\n  primary:") for text in (OWN, BASE))
    new = BASE.replace(
        "  primary:", "  tolerance:      # How much.\n    score: 0.005    # Of a score.\n    of_loss: 0.1\n  primary:"
    )
    merged = merge(new, own, base, renamed={"gate.tolerance": "gate.tolerance.score"})
    assert (
        "  tolerance:      # How much.\n    score: 0.009    # Of a score.\n    of_loss: 0.1\n  primary: rmse\n"
        in merged.text
    )
    assert merged.done == ["gate.tolerance: is gate.tolerance.score now, with your value 0.009"]


def test_a_key_that_moves_to_another_section() -> None:
    merged = merge(
        BASE.replace("  max_trees: 10\n", "") + "  limit: 10   # Trees.\n", renamed={"train.max_trees": "gate.limit"}
    )
    assert merged.text.endswith("  primary: rmse\n  limit: 10   # Trees.\n")
    assert "max_trees" not in merged.text


def test_a_removed_key_goes_with_its_comment_and_is_named() -> None:
    merged = merge(BASE, removed={"gate": "nothing judges any more"})
    assert merged.text == "# Our settings.\n\ntrain:\n  seed: 7          # ours\n  max_trees: 10\n\n"
    assert merged.done == [
        "gate: is gone (you had {'floors': {'rmse': 3}, 'primary': 'rmse'}); nothing judges any more"
    ]


def test_a_section_on_one_line_needs_a_hand() -> None:
    merged = merge(BASE.replace("train:\n", "train:\n  refit: true\n"), "train: {seed: 7}\n")
    assert merged.text == "train: {seed: 7}\n"
    assert merged.by_hand == ["params.yaml: train.refit is new; add it to the line of train"]


def test_parameters_from_before_the_house_become_todays() -> None:
    before = KEPT.read_text(encoding="utf-8")
    own = before.replace("tolerance: 0.005", "tolerance: 0.007").replace("num_leaves: 3 ", "num_leaves: 15 ")
    today, moved = (FROZEN / "params.yaml").read_text(encoding="utf-8"), template.read(ROOT)
    merged = parameters.merge(before, own, today, moved.renamed, moved.removed)
    values = parse_yaml(merged.text, "params.yaml")
    assert (values["gate"]["tolerance"]["score"], values["train"]["num_leaves"]) == (0.007, 15)
    assert set(values) == set(parse_yaml(today, "params.yaml"))
    assert not merged.by_hand
