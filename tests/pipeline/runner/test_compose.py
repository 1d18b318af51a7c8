"""What compose starts: who has the key, what a job can reach, and which versions the images name."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import ROOT
from tests.pipeline.runner.processes import FOLDER

BIN = Path(sys.executable).parent
ENVIRONMENT = {
    "GITHUB_REPOSITORY": "octo/model",
    "APP_ID": "1",
    "RUNNER_NAME": "gpu-1",
    "APP_KEY_FILE": "/etc/app.pem",
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
}


def compose(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "docker-compose"), "-f", str(FOLDER / "compose.yaml"), "--env-file", "/dev/null"]
    command += ["config", "--format", "json"]
    return subprocess.run(command, env=ENVIRONMENT | environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    completed = compose()
    assert completed.returncode == 0, completed.stderr
    return dict(json.loads(completed.stdout)["services"])


@pytest.mark.parametrize("name", ["registrar", "runner"])
def test_each_container_is_locked_down(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].split(":")[0]) > 0
    assert service["pids_limit"] > 0
    assert int(service["mem_limit"]) > 0
    assert not service.get("privileged")


def test_no_container_has_the_docker_socket_or_a_folder_of_the_host(services: dict[str, Any]) -> None:
    for service in services.values():
        assert [volume["type"] for volume in service["volumes"]] == ["volume"]
    assert "docker.sock" not in json.dumps(services)


def test_only_the_registrar_has_the_key(services: dict[str, Any]) -> None:
    assert [secret["source"] for secret in services["registrar"]["secrets"]] == ["app_key"]
    assert "secrets" not in services["runner"]
    assert "environment" not in services["runner"]
    assert "env_file" not in services["runner"]


def test_a_job_can_not_write_to_the_registrars_folder_and_shares_no_network_with_it(services: dict[str, Any]) -> None:
    assert services["runner"]["volumes"][0]["read_only"] is True
    assert not set(services["runner"]["networks"]) & set(services["registrar"]["networks"])


def test_each_job_starts_from_the_image(services: dict[str, Any]) -> None:
    runner = services["runner"]
    assert runner["restart"] == "always"
    assert [entry.split(":")[0] for entry in runner["tmpfs"]] == ["/home/runner", "/tmp"]  # noqa: S108


@pytest.mark.parametrize("name", ["GITHUB_REPOSITORY", "APP_ID", "RUNNER_NAME", "APP_KEY_FILE"])
def test_a_setting_that_is_missing_is_named(name: str) -> None:
    completed = compose(**{name: ""})
    assert completed.returncode != 0
    assert name in completed.stderr


def test_the_example_names_every_setting() -> None:
    used = set(re.findall(r"\$\{(\w+)", (FOLDER / "compose.yaml").read_text()))
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", (FOLDER / ".env.example").read_text(), re.MULTILINE))
    assert used - named == {"GITHUB_API_URL"}  # only for GitHub Enterprise


def test_neither_settings_nor_a_key_get_into_git_or_an_image() -> None:
    assert (FOLDER / ".gitignore").read_text().split() == [".env", "*.pem"]
    copied = (FOLDER / ".dockerignore").read_text().split()
    assert copied[0] == "*"
    assert all(entry.startswith("!") and entry.endswith((".py", ".sh", ".txt")) for entry in copied[1:])


@pytest.mark.parametrize("name", ["Dockerfile", "registrar.Dockerfile"])
def test_hadolint_finds_nothing(name: str) -> None:
    completed = subprocess.run([BIN / "hadolint", FOLDER / name], capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout


def argument(name: str) -> str:
    match = re.search(rf"^ARG {name}=(\S+)$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    assert match
    return match[1]


def test_the_wheel_for_cuda_is_built_from_the_source_that_the_lock_names() -> None:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    locked = next(package for package in packages if package["name"] == "lightgbm")
    (requirement,) = (FOLDER / "lightgbm-cuda.txt").read_text().splitlines()
    assert requirement == f"lightgbm=={locked['version']} --hash={locked['sdist']['hash']}"


def test_the_registrar_watches_the_version_of_the_runners_image() -> None:
    assert f"ENV RUNNER_VERSION={argument('RUNNER_VERSION')}\n" in (FOLDER / "registrar.Dockerfile").read_text()


def test_what_a_hosted_runner_has_cached_can_be_restored() -> None:
    """GitHub's cache has the compression in the version of an entry: zstd where the runner has it, else gzip."""
    (packages,) = re.findall(r"apt-get install -y --no-install-recommends \\\n(.+) \\", runner_stage())
    assert "zstd" in packages.split()


def runner_stage() -> str:
    return (FOLDER / "Dockerfile").read_text().partition(" AS lightgbm")[0]


def test_the_image_has_the_uv_of_make_setup() -> None:
    pinned = (ROOT / ".github/uv.txt").read_text()
    assert f"\nuv=={argument('UV_VERSION')} " in pinned
    assert f"--hash=sha256:{argument('UV_SHA256')}" in pinned
