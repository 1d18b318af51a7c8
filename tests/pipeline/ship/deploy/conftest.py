"""A Docker host, empty or with a champion, for the end-to-end tests."""

from collections.abc import Iterator

import pytest

from tests.pipeline.runner.containers import require_daemon
from tests.pipeline.ship.deploy.hosts import World, proxy_image


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A host without a deployment, and the folder to deploy from."""
    require_daemon()
    proxy_image(tmp_path_factory.mktemp("proxy"))
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.clean()


@pytest.fixture(scope="module")
def world(empty: World) -> World:
    """The same with a first release, which all tests of a module share and leave as the champion."""
    empty.champion = empty.release("first")
    empty.ok("first")
    return empty
