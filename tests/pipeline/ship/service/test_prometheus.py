"""The metrics that are looked up when somebody asks for them."""

from pathlib import Path

from pipeline.ship.service.prometheus import LogDisk


def test_the_disk_is_known_before_the_log_has_a_folder(tmp_path: Path) -> None:
    values = {family.name: family.samples[0].value for family in LogDisk(tmp_path / "logs" / "predictions").collect()}
    assert set(values) == {"pipeline_log_disk_free_bytes", "pipeline_log_disk_size_bytes"}
    assert 0 < values["pipeline_log_disk_free_bytes"] < values["pipeline_log_disk_size_bytes"]
