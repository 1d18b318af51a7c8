"""Which stopped containers are kept."""

import pytest

from pipeline.core import params
from pipeline.ship.deploy.docker.containers import Containers
from pipeline.ship.deploy.docker.docker_cli import Docker
from tests.pipeline.conftest import FROZEN


@pytest.mark.parametrize(
    ("served", "removed"),
    [
        (["e", "a", "d", "c", "b"], ["c", "b"]),  # e was deployed after a rollback to a
        (["a", "d", "e"], ["c", "b"]),  # the ledger's last entry could not be written
        ([], ["d", "c", "b", "a"]),
    ],
)
def test_the_releases_that_served_last_are_kept_however_old_their_containers_are(
    monkeypatch: pytest.MonkeyPatch, served: list[str], removed: list[str]
) -> None:
    deleted = list[str]()
    monkeypatch.setattr(
        Containers, "releases", lambda _: ["e", "d", "c", "b", "a"]
    )  # newest first, as Docker lists them
    monkeypatch.setattr(Containers, "remove", lambda _, release: deleted.append(release))
    Containers(Docker(None), params.read(FROZEN / "params.yaml").deploy).prune("e", served)
    assert deleted == removed
