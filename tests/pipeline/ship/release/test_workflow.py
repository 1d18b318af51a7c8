"""`deploy.yaml` itself, by act, where it ships nothing. How a merge is shipped: workflows/test_watched_story.py."""

import json
from pathlib import Path

import pytest

from tests.pipeline.github.standin import StandIn
from tests.pipeline.ship.release import parts
from tests.pipeline.ship.release.reports import match, report
from tests.pipeline.workflows import world as worlds
from tests.pipeline.workflows.shipping import Shipping
from tests.pipeline.workflows.world import World

pytestmark = pytest.mark.engine


def test_a_merge_that_the_scan_stops_is_neither_pushed_nor_deployed(tmp_path: Path) -> None:
    parts.require_parts()
    stand_in = StandIn(worlds.new_state(), git=tmp_path / "origin.git")
    with parts.registry(tmp_path / "registry") as registry, stand_in as github:
        world = World(tmp_path, worlds.base(), github)
        shipping = Shipping(tmp_path, world.machine, registry)
        shipping.configure(world.work)
        world.work.commit("deployment parameters")
        world.publish()
        shipping.report.write_text(json.dumps(report(match("CVE-2026-1", "Critical"))), encoding="utf-8")

        shipped = shipping.ship(world.main, worlds.NAME, target="ssh://nobody@127.0.0.1")

    assert shipped.jobs["release"] == "failure"
    assert shipped.jobs.get("deploy") != "success"
    assert "scan: fail" in shipped.log
    assert not (tmp_path / "registry/blobs/docker/registry/v2/repositories").exists()
