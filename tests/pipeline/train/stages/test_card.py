"""The model card shows what the reports say, in Markdown that GitHub renders, and depends on nothing else."""

import re
from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from pipeline.core.params import Card, Data, Evaluate, Features, Split, Train
from pipeline.models.signature import Feature, Rows, Signature
from pipeline.train.card.limits import Evidence
from pipeline.train.card.tables import Settings
from pipeline.train.stages.card import render

MARKUP = "@everyone|<script>alert(1)</script>"
SPLIT = Split(test=0.2, validation=0.2, seed=0, time=None)


def settings(**changes: Any) -> Settings:
    train = {
        "device": "auto",
        "objective": "auto",
        "quantile": 0.5,
        "learning_rate": 0.05,
        "num_leaves": 31,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "lambda_l1": 0.0,
        "lambda_l2": 1.0,
        "max_trees": 2000,
        "early_stopping": 50,
        "class_weight": "none",
        "monotone": {"income": 1},
        "seed": 0,
    }
    evaluate = {
        "bootstrap": 1000,
        "confidence": 0.95,
        "slices": ["sex"],
        "slice_bins": 4,
        "sensitive": ["sex"],
        "calibration_bins": 10,
        "shap_rows": 100,
        "seed": 0,
    }
    defaults = Settings(
        Card(title="Loans", purpose="to rank", not_for="to decide alone", owner="us", licence="MIT"),
        Data(source="data/x.parquet", key="id", deduplicate=False),
        Features(exclude=(), max_categories=100),
        SPLIT,
        Train.model_validate(train),
        Evaluate.model_validate(evaluate),
    )
    return replace(defaults, **changes)


def estimate(value: float, width: float = 0.01) -> dict[str, float]:
    return {"value": value, "lower": value - width, "upper": value + width}


def slice_of(value: str, rows: int, auc: float) -> dict[str, Any]:
    return {"column": "sex", "value": value, "rows": rows, "metrics": {"roc_auc": estimate(auc)}}


def group(name: str, positives: int, negatives: int) -> dict[str, Any]:
    return {
        "group": name,
        "rows": positives + negatives,
        "positives": positives,
        "negatives": negatives,
        "selection_rate": 0.2,
        "true_positive_rate": 0.5,
        "false_positive_rate": None,
    }


def drift(*drifted: str) -> dict[str, Any]:
    columns = [
        {"column": name, "test": "KS", "score": 0.3, "threshold": 0.1, "drifted": name in drifted}
        for name in ("sex", MARKUP)
    ]
    return {
        "rows": {"reference": 600, "current": 200},
        "drifted": bool(drifted),
        "drifted_columns": len(drifted),
        "share": len(drifted) / 2,
        "bound": 0.5,
        "columns": columns,
        "skipped": [{"column": "flat", "reason": "constant: one value in both tables"}],
    }


SIDES = {"train": 600, "validation": 200, "test": 1200}


@pytest.fixture
def evidence() -> Evidence:
    """A binary model with markup in a column name, a small slice, a weak one and a small group."""
    features = (
        Feature(name="income", source="income", kind="number", nullable=False),
        Feature(name=MARKUP, source=MARKUP, kind="category", categories=("a", "b"), nullable=True),
    )
    return Evidence(
        signature=Signature(
            task="binary",
            target="defaulted",
            key="id",
            positive=1,
            classes=("0", "1"),
            threshold=0.31,
            quantile=0.5,
            features=features,
            split=SPLIT,
            device="cpu",
        ),
        training={
            "device": "cpu",
            "platform": "linux-x86_64",
            "best_iteration": 87,
            "rows": {"train": 600, "validation": 200},
        },
        metrics={
            "rows": 1200,
            "roc_auc": estimate(0.7712),
            "log_loss": estimate(0.43),
            "threshold": 0.31,
            "confusion": {"true_positives": 61, "false_positives": 17, "true_negatives": 1000, "false_negatives": 122},
        },
        slices=[slice_of("female", 800, 0.77), slice_of("male", 300, 0.60), slice_of(MARKUP, 21, 0.9)],
        fairness={"sex": {"groups": [group("female", 100, 700), group(MARKUP, 9, 12)], "disparate_impact": 0.8}},
        importance=[{"feature": MARKUP, "gain": 0.7, "shap": 0.9}, {"feature": "income", "gain": 0.3, "shap": 0.1}],
        drift=drift(),
        quality={"violations": []},
        split={"time": None, "sides": {name: {"rows": rows} for name, rows in SIDES.items()}, "shared": []},
        source={"source": "data/x.parquet", "files": [{"path": "data/x.parquet", "size": 123, "sha256": "ab" * 32}]},
        hashes={"models/model.txt": "0123456789abcdef" * 2},
    )


def limits(card: str) -> str:
    return card.split("## Limits")[1]


def test_the_card_names_the_model_and_its_data_by_hash(evidence: Evidence) -> None:
    card = render(settings(), evidence)
    assert "0123456789abcdef" * 2 in card
    assert "ab" * 32 in card


def test_figures_have_their_intervals(evidence: Evidence) -> None:
    card = render(settings(), evidence)
    assert "| ROC AUC | 0.7712 | 0.7612 to 0.7812 |" in card
    assert "| predicted negative | 122 | 1,000 |" in card


def test_too_few_rows_have_no_interval(evidence: Evidence) -> None:
    perfect = estimate(1.0, 0.0)
    rare = slice_of("rare", 900, 1.0) | {"metrics": {"roc_auc": perfect, "positive_rate": estimate(0.02)}}
    changed = replace(evidence, slices=[slice_of("few", 9, 1.0), rare, slice_of("enough", 900, 0.7)])
    card = render(settings(), changed)
    assert "| sex | few | 9 | 1.000 | too few rows |" in card
    assert "| sex | rare | 900 | 1.000 | too few rows |" in card
    assert "| sex | enough | 900 | 0.7000 | 0.6900 to 0.7100 |" in card
    counts = {"true_positives": 10, "false_positives": 0, "true_negatives": 1181, "false_negatives": 9}
    card = render(settings(), replace(evidence, metrics=evidence.metrics | {"confusion": counts, "roc_auc": perfect}))
    assert "ROC AUC 1.000 (too few rows) on 1,200 test rows." in card
    assert "| ROC AUC | 1.000 | too few rows |" in card
    assert "| Log loss | 0.4300 | 0.4200 to 0.4400 |" in card  # every row counts for it


def test_the_card_is_valid_markdown_and_names_with_markup_stay_text(evidence: Evidence) -> None:
    rendered = MarkdownIt("commonmark").enable("table").render(render(settings(), evidence))
    assert rendered.count("<table>") == rendered.count("</table>") == 12
    assert "<script" not in rendered
    assert not re.search(r"@\w", rendered)
    assert set(re.findall(r"<t[dh][^>]*>[^<]*\| ", rendered)) == set()


def test_limits_name_small_and_weak_slices_and_small_groups(evidence: Evidence) -> None:
    text = limits(render(settings(), evidence))
    assert re.search(r"Too few test rows to judge \(under 200\): sex .*\(21\)\.", text)
    assert re.search(r"Measurably worse than overall .* for: sex male\.", text)
    assert re.search(r"may be chance: sex @", text)
    assert re.search(r"carries 90% of SHAP", text)


def test_there_are_no_limits_on_slices_and_drift_where_the_evidence_is_good(evidence: Evidence) -> None:
    good = replace(evidence, slices=[slice_of("female", 800, 0.77)], drift=drift())
    text = limits(render(settings(), good))
    assert "Too few" not in text
    assert "worse" not in text
    assert "differ from the training rows" not in text


def test_drifted_and_uncompared_columns_are_listed(evidence: Evidence) -> None:
    card = render(settings(), replace(evidence, drift=drift("sex")))
    assert "| sex | KS | 0.3000 | 0.1000 |" in card
    assert "not compared: constant" in card
    assert "differ from the training rows in sex" in limits(card)


def test_a_split_by_time_is_named_in_the_limits(evidence: Evidence) -> None:
    by_time = settings(split=Split(test=0.2, validation=0.2, seed=0, time="when"))
    assert "newest 1,200 rows" in limits(render(by_time, evidence))
    assert "drawn from the same data" in limits(render(settings(), evidence))


def test_a_regression_card_has_neither_threshold_nor_fairness(evidence: Evidence) -> None:
    signature = evidence.signature.model_copy(
        update={"task": "regression", "positive": None, "classes": (), "threshold": None}
    )
    metrics = {"rows": 1200, "rmse": estimate(4.2), "mae": estimate(3.1)}
    slices = [{"column": "sex", "value": "female", "rows": 800, "metrics": {"rmse": estimate(4.0)}}]
    card = render(settings(), replace(evidence, signature=signature, metrics=metrics, slices=slices, fairness={}))
    assert "| RMSE | 4.200 | 4.190 to 4.210 |" in card
    assert "predicted positive" not in card
    assert "No figures" in card


def test_groups_of_a_regression_show_the_figures_that_it_has(evidence: Evidence) -> None:
    signature = evidence.signature.model_copy(
        update={"task": "regression", "positive": None, "classes": (), "threshold": None}
    )
    groups = [
        {"group": "female", "rows": 700, "mae": estimate(3.5)},
        {"group": "male", "rows": 20, "mae": estimate(4.5)},
    ]
    fairness = {"sex": {"groups": groups, "mae_difference": estimate(1.0)}}
    metrics = {"rows": 1200, "rmse": estimate(4.2)}
    card = render(settings(), replace(evidence, signature=signature, metrics=metrics, slices=[], fairness=fairness))
    assert "| female | 700 | 3.500 (3.490 to 3.510) |" in card
    assert "| MAE difference | 1.000 (0.9900 to 1.010) |" in card
    assert "may be chance: sex male." in limits(card)


def test_several_classes_have_a_row_each(evidence: Evidence) -> None:
    signature = evidence.signature.model_copy(update={"task": "multiclass", "classes": ("a", "b|c"), "threshold": None})
    figures = {"precision": 0.5, "recall": 0.25, "f1": 0.3333, "rows": 40}
    metrics = {"rows": 1200, "log_loss": estimate(1.1), "per_class": {"a": figures, "b|c": figures}}
    card = render(settings(), replace(evidence, signature=signature, metrics=metrics, slices=[], fairness={}))
    assert "| b\\|c | 0.5000 | 0.2500 | 0.3333 | 40 |" in card


def test_equal_evidence_gives_equal_bytes(evidence: Evidence) -> None:
    assert render(settings(), evidence) == render(settings(), evidence)
    assert not re.search(r"20\d\d-\d\d", render(settings(), evidence))


def test_a_model_that_was_fitted_again_says_so_where_its_figures_stand(evidence: Evidence) -> None:
    learned = Rows(count=2000, first="2026-01-01", last="2026-03-31")
    refitted = evidence.signature.model_copy(update={"refitted": learned})
    sides = {name: {"rows": rows, "first": f"{name} first", "last": f"{name} last"} for name, rows in SIDES.items()}
    changed = replace(evidence, signature=refitted, split=evidence.split | {"sides": sides})
    card = render(settings(), changed)
    assert "| Learned from | all 2,000 rows, 2026-01-01 to 2026-03-31 |" in card
    assert "1,200 test rows that the measured model had not seen" in card
    assert "so the figures are of the procedure" in card
    assert "| Rows test | 1,200 (60%), test first to test last |" in card
    assert "procedure" not in render(settings(), evidence)


def test_a_column_that_test_and_training_rows_share_is_a_limit(evidence: Evidence) -> None:
    shared = [{"column": MARKUP, "share": 0.98, "sentence": f"98% of the test rows have a value of {MARKUP}"}]
    text = limits(render(settings(), replace(evidence, split=evidence.split | {"shared": shared})))
    assert "- 98% of the test rows have a value of" in text
    assert "<script" not in text
