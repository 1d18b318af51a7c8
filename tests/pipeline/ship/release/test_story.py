"""A release with real parts: built, scanned, pushed, signed and run as in production; forged images are refused."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.ship.release import signing
from pipeline.ship.release.command import NO_TARGET
from tests.pipeline.runner.containers import docker
from tests.pipeline.ship.release import parts
from tests.pipeline.ship.release.conftest import Releasing
from tests.pipeline.ship.release.parts import running
from tests.pipeline.ship.release.reports import match, report
from tests.pipeline.workflows import world

pytestmark = pytest.mark.engine

# Packages for training, judging or compiling, which a serving image must not have.
UNWANTED = {"pandas", "mlflow", "dvc", "evidently", "fairlearn", "scikit-learn", "scipy", "pyarrow", "optuna", "pip"}


def request(address: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"http://{address}{path}", data, timeout=30) as response:
        return json.loads(response.read())


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Releasing]:
    """A project that has built, pushed and signed a release, in its own registry; it lies below a hidden folder."""
    parts.require_parts()
    folder = tmp_path_factory.mktemp("released")
    shutil.copytree(world.base() / "work", folder / ".hidden/work")
    key, public = parts.key(folder / "keys")
    with parts.registry(folder / "registry") as host:
        releasing = Releasing(folder / ".hidden/work", host, key, public)
        built = releasing.release()
        assert built.returncode == 0, built.stderr
        assert "built, not pushed: that needs --report" in built.stdout
        assert "in MB: numpy" in built.stdout
        pushed = releasing.release(report=report())
        assert pushed.returncode == 0, pushed.stderr
        assert "scan: pass" in pushed.stdout
        assert "signed and attested" in pushed.stdout
        yield releasing


def test_a_release_is_built_scanned_pushed_signed_and_answers_as_training_did(released: Releasing) -> None:
    manifest = released.manifest()
    assert manifest["image"].startswith(f"{released.name}@sha256:")
    assert len(manifest["golden"]) == 20

    verified = released.pipeline("release", "verify", manifest["image"], "--key", str(released.public))
    assert verified.returncode == 0, verified.stderr
    assert f"release {manifest['id']}: signed; commit {manifest['commit']}" in verified.stdout

    check_image(manifest)
    with running(manifest["image"]) as address:
        assert request(address, "/release")["release"] == manifest["id"]
        answers = request(address, "/predict", {"rows": [row["row"] for row in manifest["golden"]]})["predictions"]
        for golden, answer in zip(manifest["golden"], answers, strict=True):
            assert golden["expected"] == {key: answer[key] for key in golden["expected"]}

    (released.folder / "README.md").write_text("Better words\n", encoding="utf-8")
    released.commit("documentation")
    again = released.release(GITHUB_ACTIONS="true")
    assert again.stdout.splitlines() == [f"release {manifest['id']}: nothing to build: {manifest['image']}", NO_TARGET]
    assert released.manifest() == manifest


def check_image(manifest: dict[str, Any]) -> None:
    """Check the image's user, health check, labels and packages."""
    (image,) = json.loads(docker("image", "inspect", manifest["image"]).stdout)
    config, labels = image["Config"], image["Config"]["Labels"]
    assert config["User"] == "10001:10001"
    assert config["Healthcheck"]["Test"]
    assert labels["org.opencontainers.image.version"] == manifest["id"]
    assert labels["org.opencontainers.image.revision"] == manifest["commit"]
    assert json.loads(labels["pipeline.release"]) == manifest | {"image": ""}
    listed = "import importlib.metadata as m; print(*[d.metadata['Name'].lower() for d in m.distributions()])"
    inside = docker("run", "--rm", "--entrypoint", "python", manifest["image"], "-c", listed).stdout.split()
    assert {"bentoml", "lightgbm", "numpy"} <= set(inside)
    assert UNWANTED & set(inside) == set()
    compilers = docker(
        "run", "--rm", "--entrypoint", "sh", manifest["image"], "-c", "command -v cc gcc g++ || echo none"
    )
    assert compilers.stdout.strip() == "none"


def test_an_image_that_was_tampered_with_is_refused(released: Releasing, tmp_path: Path) -> None:
    assert released.release(report=report()).returncode == 0
    manifest = released.manifest()
    forged = forge(manifest["image"], f"{released.name}:{manifest['id']}", tmp_path)

    for image, key, message in [
        (forged, released.public, "refused: no valid signature by"),
        (manifest["image"], other_key(tmp_path), "refused: no valid signature by"),
        (f"{released.name}:{manifest['id']}", released.public, "is not a reference by digest"),
    ]:
        result = released.pipeline("release", "verify", image, "--key", str(key))
        assert (result.returncode, result.stdout) == (2, "")
        assert message in result.stderr
        assert len(result.stderr.splitlines()) == 1

    # A tag that was moved in the registry is not trusted by the next release.
    again = released.release(report=report())
    assert again.returncode == 0, again.stderr
    assert "nothing to build" not in again.stdout
    assert released.manifest()["image"] == manifest["image"]


def forge(image: str, reference: str, folder: Path) -> str:
    """The image with another model, pushed over its tag; by digest."""
    context = folder / "forged"
    context.mkdir()
    (context / "model.txt").write_text(reference, encoding="utf-8")  # each image has a digest of its own
    (context / "Dockerfile").write_text(f"FROM {image}\nCOPY model.txt models/model.txt\n", encoding="utf-8")
    docker("build", "--tag", reference, str(context))
    docker("push", reference)
    digests: list[str] = json.loads(docker("image", "inspect", reference).stdout)[0]["RepoDigests"]
    return next(digest for digest in digests if digest.startswith(reference.rpartition(":")[0] + "@"))


def empty_bill(folder: Path) -> Path:
    (folder / "bill.json").write_text("{}", encoding="utf-8")
    return folder / "bill.json"


def other_key(folder: Path) -> Path:
    return parts.key(folder / "other")[1]


def test_an_attestation_of_another_image_proves_nothing(
    released: Releasing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert released.release(report=report()).returncode == 0
    forged = forge(released.manifest()["image"], f"{released.name}:forged", tmp_path)
    monkeypatch.setenv("PATH", parts.programs())
    signing.sign(forged, str(released.key))
    signing.attest(forged, str(released.key), released.folder / "build/release.json", empty_bill(tmp_path))

    result = released.pipeline("release", "verify", forged, "--key", str(released.public))

    assert result.returncode == 2
    assert "its attestation describes another image" in result.stderr


def test_a_release_that_cosign_2_signed_stays_verifiable(
    released: Releasing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert released.release(report=report()).returncode == 0
    former = forge(released.manifest()["image"], f"{released.name}:former", tmp_path)
    statement = tmp_path / "release.json"
    statement.write_text(json.dumps(released.manifest() | {"image": former}), encoding="utf-8")
    signed = ["--yes", "--tlog-upload=false", "--key", str(released.key)]
    for command in (
        ["sign", *signed, former],
        ["attest", *signed, "--type", signing.STATEMENT, "--predicate", str(statement), former],
    ):
        released.ok(str(parts.cosign("2") / "cosign"), *command, COSIGN_PASSWORD="")

    verify = ["release", "verify", former, "--key", str(released.public)]
    assert released.pipeline(*verify).returncode == 0

    # Somebody else's statement in the format of cosign 3, such as GitHub's attestation, lies beside it.
    monkeypatch.setenv("PATH", parts.programs())
    foreign, _ = parts.key(tmp_path / "other")
    signing.attest(former, str(foreign), statement, empty_bill(tmp_path))
    assert released.pipeline(*verify).returncode == 0


def test_an_image_that_the_scan_stops_is_not_pushed(releasing: Releasing) -> None:
    result = releasing.release(report=report(match("CVE-2026-1", "Critical", fixed=("3.0",))))

    assert result.returncode == 1, result.stderr
    assert "✗ CVE-2026-1 (critical) in numpy 1.0, fixed in 3.0" in result.stdout
    assert "scan: fail" in result.stdout

    with urllib.request.urlopen(f"http://{releasing.registry}/v2/_catalog", timeout=10) as answer:
        assert json.loads(answer.read()) == {"repositories": []}


def test_an_unreachable_registry_is_an_error_of_one_line(releasing: Releasing) -> None:
    result = releasing.pipeline("release", "--registry", "127.0.0.1:9/acme/model")

    assert result.returncode == 2
    assert result.stderr.startswith("error: 127.0.0.1:9/acme/model:")
    assert "the registry can't be queried" in result.stderr
    assert len(result.stderr.splitlines()) == 1
