"""The verdict on a measurement: by main's bounds, and never a traceback whatever the files hold."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.params import Gate
from pipeline.evaluation import scoring
from pipeline.evaluation.scoring import Scored
from pipeline.review.gate import protected
from pipeline.review.gate.measurement_verdict import judge as judge_by_main
from pipeline.review.gate.verdict import Verdict
from pipeline.review.measure.measurement import Bundle, Champion, Failure, Measurement
from pipeline.review.untrusted import scores as untrusted_scores
from tests.pipeline.review.gate.scored_tables import binary, evaluate, fairness, gate, rule, slices, with_score

SCORED = Champion(state="scored", name="origin/main")
UNSET: Any = object()


def bundle(
    folder: Path,
    candidate: Scored | None = UNSET,
    champion: Scored | None = None,
    **changes: Any,
) -> Bundle:
    """A measurement of a model as good as its champion; name what a test is about."""
    candidate = binary() if candidate is UNSET else candidate
    if candidate is not None:
        scoring.write(folder / "scores.parquet", candidate)
    if champion is not None:
        scoring.write(folder / "champion.parquet", champion)
    (folder / "data_quality.json").write_text('{"violations": []}', encoding="utf-8")
    facts: dict[str, Any] = {
        "head": None,
        "base": "origin/main",
        "base_commit": None,
        "outcome": "measured",
        "champion": SCORED if champion is not None else Champion(state="none", name="main", reason="no lock yet"),
    }
    return Bundle(folder, Measurement(**{**facts, **changes}))


def judge(measured: Bundle, bounds: Gate, changed: list[str], *columns: str) -> Verdict:
    """The verdict where main's groups are of these columns; by default that of `binary`."""
    return judge_by_main(measured, bounds, evaluate(*(columns or ("group",))), changed)


def error_line(measured: Bundle, **bounds: Any) -> str:
    """The one line of the error that judging raises."""
    with pytest.raises(PipelineError) as caught:
        judge(measured, gate(**bounds), [])
    assert len(str(caught.value).splitlines()) == 1
    assert str(measured.folder) not in str(caught.value)
    return str(caught.value)


def table(scored: Scored, folder: Path) -> pa.Table:
    scoring.write(folder / "scores.parquet", scored)
    return pq.read_table(folder / "scores.parquet")


class TestVerdict:
    def test_a_model_as_good_as_the_champion_passes(self, tmp_path: Path) -> None:
        verdict = judge(bundle(tmp_path, champion=binary()), gate(), [])
        assert (verdict.verdict, verdict.champion, verdict.compared) == ("pass", "origin/main", 1000)

    def test_a_worse_model_fails_by_the_bounds_that_are_given(self, tmp_path: Path) -> None:
        measured = bundle(tmp_path, with_score(binary(), np.random.default_rng(1).random(1000)), binary())
        assert judge(measured, gate(), []).verdict == "fail"
        assert judge(measured, gate(tolerance=0.9), []).verdict == "pass"

    def test_a_bare_number_of_an_earlier_version_does_not_judge_an_error(self, tmp_path: Path) -> None:
        target = np.random.default_rng(0).normal(1000, 100, 500)
        scores = [Scored("regression", target, target + noise, np.arange(500).astype(str)) for noise in (10.0, 12.0)]
        verdict = judge(bundle(tmp_path, scores[1], scores[0]), gate(primary="rmse", tolerance=0.5), [])
        assert rule(verdict, "regression").bound == pytest.approx(-0.5, rel=0.1)  # 0.5 % of the standard deviation

    def test_without_a_champion_the_floors_judge_alone(self, tmp_path: Path) -> None:
        verdict = judge(bundle(tmp_path), gate(floors={"roc_auc": 0.6}), [])
        assert verdict.verdict == "pass"
        assert "no champion yet" in rule(verdict, "champion").sentence

    def test_an_unavailable_champion_warns(self, tmp_path: Path) -> None:
        missing = Champion(state="missing", name="main", reason="its files are\ngone")
        measured = bundle(tmp_path)
        for champion, sentence in ((None, "names no champion"), (missing, "its files are gone")):
            verdict = judge(replace(measured, measurement=_with(measured, champion=champion)), gate(), [])
            assert verdict.verdict == "warn"
            assert sentence in rule(verdict, "champion").sentence

    def test_a_failed_stage_fails_and_is_named(self, tmp_path: Path) -> None:
        failed = bundle(tmp_path, None, outcome="failed", failure=Failure(stage="train", lines=[]))
        verdict = judge(failed, gate(), [])
        assert (verdict.verdict, rule(verdict, "stages").sentence) == ("fail", "stage train failed")

    def test_bad_parameters_are_not_called_a_stage(self, tmp_path: Path) -> None:
        failed = bundle(tmp_path, None, outcome="failed", failure=Failure(stage="params", lines=[]))
        assert rule(judge(failed, gate(), []), "stages").sentence == "params.yaml was refused"

    def test_an_unchanged_model_passes_without_its_scores(self, tmp_path: Path) -> None:
        verdict = judge(bundle(tmp_path, None, outcome="unchanged", champion=None), gate(), [])
        assert (verdict.verdict, rule(verdict, "champion").sentence) == ("pass", "same model as main: no change")

    def test_an_unchanged_model_with_scores_is_still_held_to_the_floors(self, tmp_path: Path) -> None:
        same = bundle(tmp_path, outcome="unchanged", champion=None)
        verdict = judge(same, gate(floors={"roc_auc": 0.99}, drift_share=0.5), [])
        assert rule(verdict, "floor", metric="roc_auc").verdict == "fail"
        assert rule(verdict, "data_drift").verdict == "pass"

    def test_a_change_of_what_judges_fails_until_a_person_accepts_it_and_names_what(self, tmp_path: Path) -> None:
        verdict = judge(bundle(tmp_path, champion=binary()), gate(), ["dvc.yaml", "gate.floors.roc_auc"])
        assert verdict.verdict == "fail"
        assert protected.acceptance(verdict) == "it changes what judges (dvc.yaml, gate.floors.roc_auc)"

    def test_a_change_of_what_judges_hides_no_failure(self, tmp_path: Path) -> None:
        verdict = judge(bundle(tmp_path), gate(floors={"roc_auc": 0.999}), ["dvc.yaml"])
        assert rule(verdict, "floor", metric="roc_auc").verdict == "fail"
        assert protected.acceptance(verdict) is None

    def test_the_failure_of_a_model_asks_nobody_for_acceptance(self, tmp_path: Path) -> None:
        assert protected.acceptance(judge(bundle(tmp_path), gate(floors={"roc_auc": 0.999}), [])) is None
        assert protected.acceptance(judge(bundle(tmp_path), gate(), [])) is None

    def test_bounds_of_another_task_can_not_be_escaped_by_claiming_one(self, tmp_path: Path) -> None:
        regression = Scored("regression", np.arange(50.0), np.arange(50.0) + 0.1, np.arange(50).astype(str))
        verdict = judge(bundle(tmp_path, regression), gate(floors={"roc_auc": 0.7}), [])
        assert verdict.verdict == "fail"
        assert "roc_auc can't judge a regression model" in rule(verdict, "bounds").sentence


class TestLeaks:
    def test_a_feature_that_is_the_target_fails_until_it_is_named(self, tmp_path: Path) -> None:
        measured = bundle(tmp_path, champion=binary())
        (tmp_path / "data_quality.json").write_text('{"violations": [], "leaks": ["paid"]}', encoding="utf-8")
        verdict = judge(measured, gate(), [])
        assert verdict.verdict == "fail"
        assert rule(verdict, "leak").sentence.startswith(
            "the target in other words: paid; exclude them, or name each in"
        )

    def test_it_says_how_each_gives_the_target_away(self, tmp_path: Path) -> None:
        measured = bundle(tmp_path, champion=binary())
        kinds = '{"late": "alone", "gap": "missing", "odd": ["alone"], "new": "by magic"}'
        names = '["paid", "late", "gap", "odd", "new"]'
        text = f'{{"violations": [], "leaks": {names}, "leak_kinds": {kinds}}}'
        (tmp_path / "data_quality.json").write_text(text, encoding="utf-8")
        assert rule(judge(measured, gate(), []), "leak").sentence == (
            "the target in other words: paid, odd, new; alone nearly the target on held-out rows: late; by being "
            "missing or not nearly the target on held-out rows: gap; exclude them, or name each in features.allow with "
            "the reason"
        )

    @pytest.mark.parametrize("content", ["[]", '"paid"', "null", "{}"])
    def test_a_report_without_a_list_of_them_has_no_such_rule(self, tmp_path: Path, content: str) -> None:
        measured = bundle(tmp_path, champion=binary())
        text = f'{{"violations": [], "leaks": {content}}}'
        (tmp_path / "data_quality.json").write_text(text, encoding="utf-8")
        assert judge(measured, gate(), []).verdict == "pass"


class TestAnotherProject:
    CHANGED = ("task.target", "task.type", "gate.floors.roc_auc", "gate.floors.r2")

    @staticmethod
    def adopted(folder: Path, floor: float = 0.1) -> Bundle:
        """A measurement of a regression, with floors of its own; main's model is a binary one."""
        target = np.random.default_rng(0).normal(1000, 100, 500)
        scored = Scored("regression", target, target + 10.0, np.arange(500).astype(str))
        own = {**gate(primary="rmse", floors={"r2": floor}).model_dump(mode="json")}
        (folder / "params.yaml").write_text(json.dumps({"gate": own}), encoding="utf-8")
        unscorable = Champion(state="unscorable", name="origin/main", reason="it predicts something else")
        measured = bundle(folder, scored)
        return replace(measured, measurement=_with(measured, champion=unscorable))

    @pytest.mark.parametrize(("floor", "sentence"), [(0.1, "good enough"), (0.999, "below the floor 0.999")])
    def test_its_own_floors_never_judge_the_first_model(self, tmp_path: Path, floor: float, sentence: str) -> None:
        main = gate(floors={"roc_auc": 0.75}, slices=slices(), fairness=fairness(), reference="v1")
        verdict = judge(self.adopted(tmp_path, floor), main, list(self.CHANGED), "sex")
        assert verdict.verdict == "fail"
        assert protected.acceptance(verdict) == "the first model of another project: a person accepts it"
        own = rule(verdict, "floor", metric="r2")
        assert (own.verdict, own.sentence) == ("note", f"its own floor, for information: {sentence}")
        assert {one.kind for one in verdict.rules if one.verdict == "fail"} == {"first_model", "judge"}

    def test_broken_data_are_no_question_for_a_person(self, tmp_path: Path) -> None:
        measured = self.adopted(tmp_path)
        (tmp_path / "data_quality.json").write_text(
            '{"violations": [{"column": "x", "rule": "type"}]}', encoding="utf-8"
        )
        verdict = judge(measured, gate(), list(self.CHANGED))
        assert rule(verdict, "data_contract").verdict == "fail"
        assert protected.acceptance(verdict) is None

    def test_a_failed_stage_is_still_named(self, tmp_path: Path) -> None:
        failed = bundle(tmp_path, None, outcome="failed", failure=Failure(stage="train", lines=[]))
        assert rule(judge(failed, gate(), list(self.CHANGED)), "stages").verdict == "fail"

    def test_bounds_that_can_not_be_read_are_not_shown(self, tmp_path: Path) -> None:
        measured = self.adopted(tmp_path)
        (tmp_path / "params.yaml").write_text("gate: [", encoding="utf-8")
        kinds = [one.kind for one in judge(measured, gate(floors={"roc_auc": 0.5}), list(self.CHANGED)).rules]
        assert "floor" not in kinds


class TestGroups:
    """A pull request that drops a group, or a measurement that lacks one, is not judged on fewer groups than main."""

    JUDGED = gate(slices=slices(), fairness=fairness())

    def test_scores_without_the_groups_that_main_judges_fail(self, tmp_path: Path) -> None:
        nothing = pd.DataFrame(index=range(1000))
        forged = replace(binary(), slices=nothing, sensitive=nothing)
        verdict = judge(bundle(tmp_path, forged, forged), self.JUDGED, [])
        assert verdict.verdict == "fail"
        lacking = [item for item in verdict.rules if item.subject.column == "group"]
        assert [item.kind for item in lacking] == ["slice", "fairness"]
        assert {item.sentence for item in lacking} == {
            "group is judged in main and the measurement has no scores for it"
        }

    def test_a_column_that_the_data_no_longer_have_fails_too(self, tmp_path: Path) -> None:
        verdict = judge(bundle(tmp_path, champion=binary()), self.JUDGED, [], "group", "education")
        failed = [(item.kind, item.subject.column) for item in verdict.rules if item.verdict == "fail"]
        assert failed == [("slice", "education"), ("fairness", "education")]

    def test_main_need_not_judge_its_groups(self, tmp_path: Path) -> None:
        verdict = judge(bundle(tmp_path, champion=binary()), gate(), [], "group", "education")
        assert verdict.verdict == "pass"

    def test_columns_that_main_does_not_judge_weaken_no_test(self, tmp_path: Path) -> None:
        """Each further slice would widen the intervals of all, so that a loss in few rows would pass."""
        many = pd.DataFrame({"group": binary().slices["group"], "x": [f"v{index % 9}" for index in range(1000)]})
        worse = with_score(binary(), np.random.default_rng(1).random(1000))
        verdicts = []
        for name, groups in (("forged", many), ("honest", binary().slices)):
            (tmp_path / name).mkdir()
            sides = [replace(scored, slices=groups, sensitive=groups) for scored in (worse, binary())]
            measured = bundle(tmp_path / name, *sides)
            verdicts.append(judge(measured, gate(slices=slices(min_rows=50)), []))
        assert verdicts[0].rules == verdicts[1].rules


class TestReference:
    def test_the_release_that_main_names_is_compared_with(self, tmp_path: Path) -> None:
        scoring.write(tmp_path / "reference.parquet", binary())
        measured = bundle(tmp_path, champion=binary(), reference=Champion(state="scored", name="v1"))
        assert rule(judge(measured, gate(reference="v1"), []), "reference_regression").verdict == "pass"

    def test_a_reference_that_the_run_changed_warns(self, tmp_path: Path) -> None:
        measured = bundle(tmp_path, champion=binary(), reference=Champion(state="scored", name="v2"))
        verdict = judge(measured, gate(reference="v1"), [])
        assert (verdict.verdict, rule(verdict, "reference").verdict) == ("warn", "warn")


class TestDrift:
    def test_the_drift_of_the_training_data_is_held_to_the_bound(self, tmp_path: Path) -> None:
        measured = bundle(tmp_path, champion=binary())
        _write(tmp_path, "drift_main.json", {"share": 0.5, "drifted_columns": 1, "columns": [{}, {}]})
        assert judge(measured, gate(drift_share=0.5), []).verdict == "fail"
        assert judge(measured, gate(), []).verdict == "pass"

    def test_the_same_training_rows_have_not_drifted(self, tmp_path: Path) -> None:
        measured = bundle(tmp_path, champion=binary())
        _write(tmp_path, "drift_main.json", {"share": 0.0, "drifted_columns": 0, "columns": [], "same": True})
        assert rule(judge(measured, gate(), []), "data_drift").sentence == "same training rows as main"

    @pytest.mark.parametrize(
        "report",
        [
            "[]",
            "null, null",
            '{"share": NaN, "drifted_columns": 0, "columns": []}',
            '{"share": -1, "drifted_columns": 0, "columns": []}',
            '{"share": true, "drifted_columns": 0, "columns": []}',
            '{"share": 0, "drifted_columns": 7, "columns": []}',
            '{"share": "0", "drifted_columns": 0, "columns": []}',
            '{"share": 1' + "0" * 400 + ', "drifted_columns": 0, "columns": []}',
            '{"share": 0, "drifted_columns": 0, "columns": [], "same": 1}',
            "[" * 100_000,
        ],
    )
    def test_an_invalid_drift_report_is_a_one_line_error(self, tmp_path: Path, report: str) -> None:
        measured = bundle(tmp_path, champion=binary())
        (tmp_path / "drift_main.json").write_text(report, encoding="utf-8")
        assert error_line(measured).startswith("drift_main.json: ")


@pytest.mark.parametrize("report", ["[]", "7", '"x"', "{", '{"violations": 0}', '{"violations": {"a": 1}}'])
def test_an_invalid_data_quality_report_is_a_one_line_error(tmp_path: Path, report: str) -> None:
    measured = bundle(tmp_path, champion=binary())
    (tmp_path / "data_quality.json").write_text(report, encoding="utf-8")
    assert "quality" in error_line(measured)


class TestUntrustedScores:
    def test_a_measurement_without_scores_is_refused(self, tmp_path: Path) -> None:
        assert "scores.parquet: the measurement lacks it" in error_line(bundle(tmp_path, None))

    def test_a_champion_without_scores_is_refused(self, tmp_path: Path) -> None:
        claimed = replace(bundle(tmp_path), measurement=_with(bundle(tmp_path), champion=SCORED))
        assert "champion.parquet: the measurement lacks it" in error_line(claimed)

    @pytest.mark.parametrize("length", [0, 3, 100, 5000])
    def test_a_file_that_was_cut_is_refused(self, tmp_path: Path, length: int) -> None:
        measured = bundle(tmp_path)
        whole = (tmp_path / "scores.parquet").read_bytes()
        (tmp_path / "scores.parquet").write_bytes(whole[:length])
        assert error_line(measured).startswith("scores.parquet: ")

    @pytest.mark.parametrize("seed", range(20))
    def test_bytes_that_were_changed_never_end_in_a_traceback(self, tmp_path: Path, seed: int) -> None:
        measured = bundle(tmp_path, champion=binary())
        content = bytearray((tmp_path / "champion.parquet").read_bytes())
        rng = np.random.default_rng(seed)
        for position in rng.integers(0, len(content), 30):
            content[position] = rng.integers(0, 256)
        (tmp_path / "champion.parquet").write_bytes(bytes(content))
        with contextlib.suppress(PipelineError):
            judge(measured, gate(), [])

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("target", np.nan, "missing or infinite"),
            ("score", np.inf, "missing or infinite"),
            ("score", 2.0, "no probability"),
            ("target", 3.0, "none of the classes"),
        ],
    )
    def test_impossible_values_are_refused(self, tmp_path: Path, name: str, value: float, message: str) -> None:
        scored = binary()
        column = getattr(scored, name).copy()
        column[7] = value
        assert message in error_line(bundle(tmp_path, replace(scored, **{name: column})))

    @pytest.mark.parametrize("column", ["key", "target", "score"])
    def test_a_missing_column_is_refused(self, tmp_path: Path, column: str) -> None:
        measured = bundle(tmp_path)
        pq.write_table(table(binary(), tmp_path).drop_columns([column]), tmp_path / "scores.parquet")
        assert error_line(measured).startswith("scores.parquet: ")

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("task", "clustering"),
            ("task", ["binary"]),
            ("task", None),
            ("classes", 3),
            ("classes", [1, {}]),
            ("threshold", "high"),
            ("threshold", float("nan")),
            ("quantile", [0.5]),
            ("bins", 10**9),
            ("bins", "ten"),
        ],
    )
    def test_a_setting_of_the_wrong_kind_is_refused(self, tmp_path: Path, setting: str, value: Any) -> None:
        measured = bundle(tmp_path)
        stored = table(binary(), tmp_path)
        settings = json.loads(stored.schema.metadata[scoring.SETTINGS]) | {setting: value}
        changed = stored.replace_schema_metadata({scoring.SETTINGS: json.dumps(settings)})
        pq.write_table(changed, tmp_path / "scores.parquet")
        assert error_line(measured).startswith("scores.parquet: ")

    def test_repeated_keys_are_refused(self, tmp_path: Path) -> None:
        scored = binary()
        assert "a key occurs twice" in error_line(bundle(tmp_path, replace(scored, keys=np.full(1000, "k"))))

    def test_a_champion_on_rows_of_its_own_is_refused(self, tmp_path: Path) -> None:
        other = replace(binary(), keys=np.array([f"other {index}" for index in range(1000)]))
        assert "has rows that scores.parquet lacks" in error_line(bundle(tmp_path, champion=other))

    def test_a_champion_with_other_targets_is_refused(self, tmp_path: Path) -> None:
        inverted = replace(binary(), target=1 - binary().target)
        assert "different targets" in error_line(bundle(tmp_path, champion=inverted))

    def test_a_champion_with_other_slices_is_refused(self, tmp_path: Path) -> None:
        other = replace(binary(), slices=pd.DataFrame({"else": ["a"] * 1000}))
        assert "its task, classes or columns" in error_line(bundle(tmp_path, champion=other), slices=slices())

    def test_a_column_of_lists_is_refused(self, tmp_path: Path) -> None:
        measured = bundle(tmp_path)
        stored = table(binary(), tmp_path)
        lists = stored.append_column("slice:x", pa.array([[1]] * 1000))
        pq.write_table(lists, tmp_path / "scores.parquet")
        assert "lists or structures" in error_line(measured)

    @pytest.mark.parametrize("typed", [True, False])
    def test_a_small_file_that_becomes_a_huge_table_is_refused(self, tmp_path: Path, typed: bool) -> None:
        measured = bundle(tmp_path)
        keys = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000), pa.array(["x" * 100_000]))
        huge = pa.table({"key": keys})
        pq.write_table(huge, tmp_path / "scores.parquet", store_schema=typed)
        assert (tmp_path / "scores.parquet").stat().st_size < 1_000_000
        assert "too long" in error_line(measured)

    def test_more_rows_than_a_judge_can_take_are_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(untrusted_scores, "MAX_ROWS", 999)
        assert "too many" in error_line(bundle(tmp_path))

    def test_more_slices_than_a_judge_can_take_are_refused(self, tmp_path: Path) -> None:
        many = pd.DataFrame({"group": [str(index) for index in range(1200)]})
        assert "more than 1,000 values" in error_line(bundle(tmp_path, replace(binary(1200), slices=many)))


def _with(measured: Bundle, **changes: Any) -> Measurement:
    return measured.measurement.model_copy(update=changes)


def _write(folder: Path, name: str, content: Any) -> None:
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
