"""The containers as compose starts them, with a stand-in for GitHub and for its runner: one job each, isolated."""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.pipeline.runner.containers import base_image, docker, require_daemon
from tests.pipeline.runner.processes import FOLDER
from tests.pipeline.runner.standin import APP_ID, REPOSITORY, GitHub, serving

pytestmark = pytest.mark.engine

TIMEOUT = 120  # seconds
# The images of the test; no GPU; the stand-in GitHub on this machine.
OVERRIDE = """
services:
  registrar:
    image: {registrar}
    build: !reset null
    extra_hosts: ["host.docker.internal:host-gateway"]
  runner:
    image: {runner}
    build: !reset null
    deploy: !reset null
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A stand-in release of GitHub's runner on a local server, as arguments of the build."""
    require_daemon()
    folder = tmp_path_factory.mktemp("release")
    script = folder / "installdependencies.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    archive = folder / "runner.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(Path(__file__).with_name("run.sh"), "run.sh")
        tar.add(script, "bin/installdependencies.sh")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    url = f"RUNNER_URL=http://127.0.0.1:{server.server_port}/runner.tar.gz"
    yield [
        "--build-arg",
        f"BASE={base_image()}",
        "--build-arg",
        url,
        "--build-arg",
        f"RUNNER_SHA256={_sha256(archive)}",
    ]
    server.shutdown()
    server.server_close()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build_runner(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Build the job's image on the test's base image, without CUDA."""
    command = ["build", "--force-rm", "--network", "host", "--target", "runner", "--tag", "pipeline-runner:test"]
    return docker(*command, *arguments, str(FOLDER), check=check)


@pytest.fixture(scope="module")
def images(release: list[str]) -> dict[str, str]:
    build_runner(*release)
    registrar = str(FOLDER / "registrar.Dockerfile")
    docker("build", "--force-rm", "--file", registrar, "--tag", "pipeline-registrar:test", *release[:2], str(FOLDER))
    return {"runner": "pipeline-runner:test", "registrar": "pipeline-registrar:test"}


class Machine:
    """The two services, started by compose."""

    def __init__(self, folder: Path, images: dict[str, str], key: Path, port: int) -> None:
        (folder / "override.yaml").write_text(OVERRIDE.format(**images))
        project = f"pipeline-test-{os.getpid()}"
        program = str(Path(sys.executable).with_name("docker-compose"))
        self.command = [program, "--project-name", project, "--env-file", "/dev/null"]
        self.command += ["--file", str(FOLDER / "compose.yaml"), "--file", str(folder / "override.yaml")]
        self.environment = os.environ | {
            "GITHUB_API_URL": f"http://host.docker.internal:{port}",
            "GITHUB_REPOSITORY": REPOSITORY,
            "APP_ID": APP_ID,
            "APP_KEY_FILE": str(key),
            "RUNNER_NAME": "gpu-1",
            "RUNNER_MEMORY": "512m",
            "RUNNER_DISK": "256m",
        }

    def compose(self, *command: str) -> str:
        completed = subprocess.run(
            [*self.command, *command],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed.stdout

    def logs(self, service: str) -> str:
        return self.compose("logs", "--no-color", "--no-log-prefix", service)


@pytest.fixture(scope="module")
def two_jobs(images: dict[str, str], key: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, GitHub]:
    """The log of the runner's container over two jobs, and GitHub with the calls that it got."""
    github = GitHub(key.parent / "public")
    key.chmod(0o444)  # the registrar's user does not exist on this machine
    with serving(github, "0.0.0.0") as address:  # noqa: S104 - the containers come from another network
        machine = Machine(tmp_path_factory.mktemp("machine"), images, key, int(address.rpartition(":")[2]))
        machine.compose("up", "--detach")
        try:
            log = _wait_for_two_jobs(machine)
        finally:
            machine.compose("down", "--volumes", "--timeout", "20")
    return log, github


def _wait_for_two_jobs(machine: Machine) -> str:
    end = time.monotonic() + TIMEOUT
    while (log := machine.logs("runner")).count("job done") < 2:
        assert time.monotonic() < end, log + machine.logs("registrar")
        time.sleep(1)
    return log


def test_each_job_has_its_own_registration(two_jobs: tuple[str, GitHub]) -> None:
    log, github = two_jobs
    used = re.findall(r"^arguments: --jitconfig jit-of-(\S+)$", log, re.MULTILINE)
    names = [body["name"] for body in github.bodies("POST", "/generate-jitconfig")]
    assert len(used) >= 2
    assert names[: len(used)] == used
    assert len(set(names)) == len(names)
    assert github.runners == []
    assert not github.violations


def test_a_job_can_write_only_to_its_home_and_temporary_folders(two_jobs: tuple[str, GitHub]) -> None:
    assert set(re.findall(r"^can (.*)$", two_jobs[0], re.MULTILINE)) == {"write at home", "run a program in /tmp"}
    refused = re.findall(r"^can't (.*)$", two_jobs[0], re.MULTILINE)
    assert set(refused) == {
        "see the files of an earlier job",
        "write to the system",
        "write to the runner's image",
        "write to the registrar's folder",
        "read the first process",
        "take over the first process",
        "find a key",
        "find the Docker socket",
        "gain capabilities",
    }
    assert len(refused) >= 2 * len(set(refused))


def test_a_job_is_not_root_and_has_no_setting_of_the_registrar(two_jobs: tuple[str, GitHub]) -> None:
    assert "user: 10002:10002\n" in two_jobs[0]
    environment = re.findall(r"^environment: (.*)$", two_jobs[0], re.MULTILINE)[0].split()
    assert not {"APP_ID", "APP_KEY_FILE", "GITHUB_TOKEN"} & set(environment)


def test_a_job_gets_no_configuration_but_its_own(two_jobs: tuple[str, GitHub]) -> None:
    assert two_jobs[0].count("second configuration: none") >= 2
    assert "second configuration: b" not in two_jobs[0]


def test_a_download_with_a_wrong_hash_stops_the_build(images: dict[str, str], release: list[str]) -> None:
    completed = build_runner(*release[:4], "--build-arg", f"RUNNER_SHA256={'0' * 64}", check=False)
    assert completed.returncode != 0
    assert "FAILED" in completed.stdout + completed.stderr
