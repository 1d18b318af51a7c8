"""Forged images, an unreachable registry, a full disk: the champion serves everything, and the history says why."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.ship.release import signing
from tests.pipeline.runner.containers import docker
from tests.pipeline.ship.deploy.hosts import Load, World, proxy_image, serving
from tests.pipeline.ship.release import parts

pytestmark = pytest.mark.engine

VOLUMES = {"state": "1m", "log": "4m"}  # of the host, and their sizes


class SmallHost(World):
    """A host with small disks, and a registry whose images are signed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, steps=[100])
        self.key, self.public = parts.key(folder / "keys")
        for kind, size in VOLUMES.items():
            options = ["--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", f"o=size={size}"]
            docker("volume", "create", *options, f"{self.name}-{kind}")

    def publish(self, name: str, registry: str, behaviour: str = "") -> str:
        """A release that is in a registry, signed and attested; its id."""
        identity = self.release(name, behaviour)
        self.push(name, registry)
        (self.folder / "bill.json").write_text("{}")
        image = self.manifest(name)["image"]
        signing.sign(image, str(self.key))
        signing.attest(image, str(self.key), self.folder / f"{name}.json", self.folder / "bill.json")
        return identity

    def push(self, name: str, registry: str) -> None:
        manifest = self.manifest(name)
        reference = f"{registry}/acme/model:{manifest['id']}"
        docker("tag", manifest["image"], reference)
        docker("push", "--quiet", reference)
        (digest,) = json.loads(docker("image", "inspect", reference).stdout)[0]["RepoDigests"]
        (self.folder / f"{name}.json").write_text(json.dumps(manifest | {"image": digest}))

    def manifest(self, name: str) -> dict[str, str]:
        return dict(json.loads((self.folder / f"{name}.json").read_text()))

    def deploy_signed(self, name: str) -> tuple[int, str]:
        return self.run("deploy", "--release", f"{name}.json", "--key", str(self.public))

    def last(self) -> str:
        return self.run("history")[1].splitlines()[-1]

    def fill(self, kind: str) -> None:
        self._in(kind, "dd if=/dev/zero of=/disk/fill bs=4k 2>/dev/null || true")

    def free(self, kind: str) -> None:
        self._in(kind, "rm /disk/fill")

    def _in(self, kind: str, command: str) -> None:
        options = ["--volume", f"{self.name}-{kind}:/disk", "--entrypoint", "sh"]
        docker("run", "--rm", *options, parts.serving_base(), "-c", command)


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def registry(blobs: Path) -> Iterator[str]:
    parts.require_parts()
    with pytest.MonkeyPatch.context() as patch, parts.registry(blobs) as host:
        patch.setenv("PATH", parts.programs())
        yield host


@pytest.fixture(scope="module")
def small_host(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHost]:
    proxy_image(tmp_path_factory.mktemp("proxy"))
    small_host = SmallHost(tmp_path_factory.mktemp("small_host"))
    small_host.champion = small_host.publish("first", registry)
    yield small_host
    small_host.clean()


@pytest.fixture(scope="module")
def served(small_host: SmallHost) -> SmallHost:
    status, output = small_host.deploy_signed("first")
    assert status == 0, output
    assert "signature verified" in output
    return small_host


def forge(small_host: SmallHost, registry: str) -> None:
    """Another image under the tag of the champion, and a release.json that names it."""
    small_host.release("forged", "disagrees", id=small_host.champion)
    small_host.push("forged", registry)


def test_a_forged_image_does_not_run_on_an_empty_host_either(small_host: SmallHost, registry: str) -> None:
    forge(small_host, registry)
    status, output = small_host.deploy_signed("forged")
    assert status == 2
    assert "refused: no valid signature by" in output
    assert docker("ps", "--all", "--quiet", "--filter", f"name=^{small_host.name}-").stdout == ""


def test_a_tampered_image_or_release_is_refused_before_it_runs(served: SmallHost, registry: str) -> None:
    served.publish("second", registry)
    forge(served, registry)
    (served.folder / "forged.json").write_text(json.dumps(served.manifest("forged") | {"id": "f" * 12}))
    (served.folder / "edited.json").write_text(json.dumps(served.manifest("second") | {"golden": []}))
    for name, message in [
        ("forged", "refused: no valid signature by"),
        ("edited", "refused: release.json is not the one that was signed with it"),
    ]:
        status, output = served.deploy_signed(name)
        assert status == 1
        assert "starting" not in output
        assert output.splitlines()[-1].endswith(f"release {served.champion} serves 100 %")
        assert message in served.last()
    assert serving(20) == {served.champion}


def test_an_unreachable_registry_fails_only_the_deployment(served: SmallHost, blobs: Path) -> None:
    with parts.registry(blobs) as stopped:
        served.publish("lost", stopped)
    with Load() as load:
        for options, message in [
            (["--key", str(served.public)], f"the signature by {served.public} can't be checked (Get"),
            (["--unsigned"], "docker pull: "),
        ]:
            status, output = served.run("deploy", "--release", "lost.json", *options)
            assert status == 1, output
            assert message in served.last()
    assert load.failed == {}
    assert serving(20) == {served.champion}


def test_a_full_disk_under_the_ledger_fails_only_the_deployment(served: SmallHost) -> None:
    served.release("third")
    served.fill("state")
    with Load() as load:
        status, output = served.deploy("third")
        assert status == 1, output
        assert "No space left on device" in output.splitlines()[-1]
        assert serving(20) == {served.champion}
        served.free("state")
        third = served.release("third")
        served.ok("third")
        assert served.run("rollback")[0] == 0
    assert load.failed == {}
    assert set(load.answers) == {(200, served.champion), (200, third)}


def test_a_full_disk_under_the_prediction_log_rolls_the_candidate_back(served: SmallHost) -> None:
    served.release("fourth")
    served.edit(deadline=15)
    served.fill("log")
    with Load() as load:
        status, output = served.deploy("fourth")
    served.free("log")
    served.edit(deadline=120)
    assert status == 1, output
    assert "predictions are not in its log (a full disk?)" in served.last()
    assert load.failed == {}
    assert serving(20) == {served.champion}
