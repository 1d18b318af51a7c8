"""The registrar's modules on the path, a key, and a stand-in GitHub that must get only valid calls."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipeline.conftest import require
from tests.pipeline.runner.processes import FOLDER, Process
from tests.pipeline.runner.standin import GitHub, serving

sys.path.insert(0, str(FOLDER))


@pytest.fixture(autouse=True)
def linux() -> None:
    """Registrar and runner are programs of Linux containers."""
    if sys.platform != "linux":
        pytest.skip("a runner's containers are Linux")


def make_key(folder: Path) -> Path:
    """Make a private key, with the public key beside it."""
    require("openssl")
    key = folder / "app.pem"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    subprocess.run(
        ["openssl", "rsa", "-in", key, "-pubout", "-out", folder / "public"], check=True, capture_output=True
    )
    return key


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("key"))


@pytest.fixture
def github(key: Path) -> Iterator[GitHub]:
    github = GitHub(key.parent / "public")
    yield github
    assert not github.violations


@pytest.fixture
def api(github: GitHub) -> Iterator[str]:
    with serving(github) as address:
        yield address


@pytest.fixture
def start(tmp_path: Path, api: str, key: Path) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def start(**environment: str) -> Process:
        started.append(Process(tmp_path, api, key, **environment))
        return started[-1]

    yield start
    for registrar in started:
        registrar.process.kill()
        registrar.process.communicate()
