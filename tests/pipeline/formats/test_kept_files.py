"""Every kind of file that outlives a version, as commit adbf4ff wrote it, is read and holds what it held then."""

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import PipelineError
from pipeline.data.source import sources
from pipeline.data.values import keys
from pipeline.evaluation.scoring import Scored
from pipeline.github.client import api, posting
from pipeline.github.drift_issue import state
from pipeline.models import signature, targets
from pipeline.predictions import logs
from pipeline.predictions.damage import Damage
from pipeline.review.baseline.champion import Champion
from pipeline.review.baseline.scored import score_baseline
from pipeline.review.gate import measurement_verdict
from pipeline.review.measure import measurement
from pipeline.ship.release import ledger, manifest
from tests.pipeline.review.gate.scored_tables import evaluate, gate, rule

KEPT = Path(__file__).parent / "adbf4ff"
NEWER = "was written by a newer version of the template (format 2; this one reads 1): upgrade the template"


def text(name: str) -> str:
    return (KEPT / name).read_text(encoding="utf-8")


def altered(folder: Path, name: str, **changes: Any) -> Path:
    """A copy of a JSON file with other values."""
    path = folder / Path(name).name
    path.write_text(json.dumps(json.loads(text(name)) | changes), encoding="utf-8")
    return path


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_champion_gives_the_scores_that_it_gave_then(task: str) -> None:
    folder, table = KEPT / task, pd.read_parquet(KEPT / task / "test.parquet")
    known = signature.read(folder / "signature.json")
    target = np.asarray(targets.encode(table, known), dtype=np.float64)
    nothing = np.zeros((len(table), len(known.classes)) if task == "multiclass" else len(table))
    candidate = Scored(known.task, target, nothing, keys.names(table, "id"), known.classes)
    found = score_baseline(Champion("found", "v0", folder=folder), candidate, "outcome", lambda: table)
    assert (found.state, found.reason) == ("scored", "")
    assert found.scored is not None
    assert np.array_equal(found.scored.score, np.array(json.loads(text(f"{task}/scores.json"))))
    assert found.scored.threshold == known.threshold


def test_a_signature_says_no_number_where_format_1_gives_the_same_texts(tmp_path: Path) -> None:
    """Its bytes are those of the lock; code from before the numbers reads it."""
    assert "format" not in json.loads(signature.read(KEPT / "binary/signature.json").model_dump_json())
    path = altered(tmp_path, "binary/signature.json", format=5, new={"of": "another shape"})
    with pytest.raises(PipelineError) as refused:
        signature.read(path)
    assert str(refused.value) == f"{path} {NEWER.replace('2', '5').replace('1', '4')}"
    second = signature.read(KEPT / "binary/signature.json").model_copy(update={"format": 2})
    assert json.loads(second.model_dump_json())["format"] == 2


def test_a_measurement_is_judged(tmp_path: Path) -> None:
    bundle = measurement.read(KEPT / "measurement")
    assert (bundle.measurement.outcome, bundle.measurement.base) == ("measured", "main")
    verdict = measurement_verdict.judge(bundle, gate(floors={"roc_auc": 0.5}), evaluate(), [])
    assert (verdict.rows, verdict.compared, verdict.champion) == (58, 58, "main")
    assert rule(verdict, "floor", metric="roc_auc").verdict == "pass"
    assert rule(verdict, "data_drift").sentence == "same training rows as main"
    shutil.copytree(KEPT / "measurement", tmp_path / "newer")
    altered(tmp_path / "newer", "measurement/measurement.json", version=2, head={"sha": "x"})
    with pytest.raises(PipelineError, match=re.escape(f"measurement.json {NEWER}")):
        measurement.read(tmp_path / "newer")


def test_a_release_is_read_from_its_file_and_from_its_label(tmp_path: Path) -> None:
    release = manifest.read(KEPT / "release.json")
    labelled = manifest.parse(json.loads(text("label.json"))[manifest.LABEL], "the image's label")
    assert (release.id, release.task, len(release.golden)) == ("0123456789ab", "binary", 3)
    assert labelled == release.model_copy(update={"image": ""})
    assert manifest.label(release) == json.loads(text("label.json"))[manifest.LABEL]  # readable by code of then
    assert (release.format, release.verdict) == (1, None)
    manifest.write(tmp_path / "again.json", release)
    assert json.loads((tmp_path / "again.json").read_text(encoding="utf-8")) == json.loads(text("release.json"))
    path = altered(tmp_path, "release.json", format=4, golden="elsewhere")
    with pytest.raises(PipelineError) as refused:
        manifest.read(path)
    newer = "was written by a newer version of the template (format 4; this one reads 3): upgrade the template"
    assert str(refused.value) == f"{path} {newer}"


def test_a_ledger_tells_what_served() -> None:
    lines = text("ledger.jsonl").split("\n")
    entries = ledger.parse(lines, "ledger")
    assert (ledger.serving(entries), ledger.unfinished(entries)) == ("0123456789ab", None)
    assert [(row.release, row.state, row.deployer) for row in ledger.rows(entries, in_progress=False)] == [
        ("0123456789ab", "serving", "ann"),
        ("ba9876543210", "failed", "ben"),
    ]
    assert {row.verdict for row in ledger.rows(entries, in_progress=False)} == {"gate: no verdict"}
    assert ledger.new_entry("serving", manifest.read(KEPT / "release.json"))["format"] == 1
    with pytest.raises(PipelineError) as refused:
        ledger.parse([*lines, '{"format": 3}'], "ledger")
    newer = "was written by a newer version of the template (format 3; this one reads 2): upgrade the template"
    assert str(refused.value) == f"ledger {newer}"


def test_a_log_is_read_whole() -> None:
    known, damage = signature.read(KEPT / "binary/signature.json"), Damage()
    found = logs.find(str(KEPT / "log"), None, datetime(2026, 11, 22, tzinfo=UTC))
    (rows,) = found.rows(known, damage, lambda *_: None)
    assert (rows.ids, damage.counts) == ([f"r-{at}" for at in range(5)], {})
    assert sorted(rows.flags) == [(4, "missing", "income"), (4, "unseen", "town")]
    last = dict(zip(["id", "time", "release", "score", "label", *known.columns], rows.take([4])[0], strict=True))
    moment = datetime(2026, 11, 21, 8, 50, 12, 123456, tzinfo=UTC)
    assert last == {
        "id": "r-4",
        "time": round(moment.timestamp() * 1e6),
        "release": "0123456789ab",
        "score": 0.513790496,
        "label": "yes",
        "income": None,
        "age": 200.0,
        "town": "Narvik",
        "member": False,
        "since": "2020-06-12",
    }


def test_the_state_of_an_issue_is_read() -> None:
    read = state.read_state(text("issue.md"), "issue #7")
    assert (read.asked, read.labelled, read.closed) == (("data_drift",), 500, None)
    assert read.signals == {"data_drift": datetime(2026, 11, 21, 6, 17, tzinfo=UTC)}
    assert read.events == ("2026-11-21 06:17 UTC: opened: **data drift**",)
    assert '"format":1' in str(read)
    with pytest.raises(PipelineError) as refused:
        state.read_state('<!-- pipeline-monitor-memory {"format":2,"signals":3} -->', "issue #7")
    assert str(refused.value) == f"issue #7: its hidden state {NEWER}"


def test_a_comment_is_recognised_as_the_bots(monkeypatch: pytest.MonkeyPatch) -> None:
    bot = {"login": posting.BOT, "type": "Bot"}
    data = {"id": 1, "html_url": "", "user": bot, "body": text("comment.md")}
    monkeypatch.setattr(api, "pages", lambda *_, **__: iter([data]))
    comment = posting.find_comment(7)
    assert comment is not None
    assert comment.marker == posting.Marker(42, 2, "d" * 40, "final")
    assert text("comment.md").startswith(f"{comment.marker}\n")
    data["body"] = "<!-- pipeline-report format=2 {} -->\n"
    with pytest.raises(PipelineError) as refused:
        posting.find_comment(7)
    assert str(refused.value) == f"comment 1 {NEWER}"


def test_a_fingerprint_names_the_files_of_the_source(tmp_path: Path) -> None:
    found = sources.read(KEPT / "source.json")
    assert (found.source, [file.size for file in found.files]) == ("data/table.parquet", [9562])
    path = altered(tmp_path, "source.json", format=2)
    with pytest.raises(PipelineError) as refused:
        sources.read(path)
    assert str(refused.value) == f"{path} {NEWER}"
