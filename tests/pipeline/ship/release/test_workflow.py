"""`deploy.yaml` itself, by act: a merge is built, scanned, signed and served; a documentation merge does nothing."""

import json
import os
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import ROOT, Project
from tests.pipeline.github.standin import StandIn
from tests.pipeline.ship.deploy.hosts import PORT as STORY_PORT
from tests.pipeline.ship.deploy.hosts import PROXY, WORKER, clean, proxy_image
from tests.pipeline.ship.release import parts
from tests.pipeline.ship.release.reports import match, report
from tests.pipeline.workflows.acting import UV, Machine, WorkflowResult

pytestmark = pytest.mark.engine

NAME, LOCAL_DOCKER = "acme/model", "unix:///var/run/docker.sock"
DEPLOYMENT, PORT, OPERATOR_PORT = f"pipeline-merge-{WORKER}", STORY_PORT + 20, STORY_PORT + 120


class Merging:
    """A repository whose main is pushed to, with a registry that receives what deploy.yaml builds, and a host."""

    def __init__(self, folder: Path, project: Project, registry: str, github: StandIn) -> None:
        self.folder, self.project, self.registry, self.github = folder, project, registry, github
        self.key, self.public = parts.key(folder / "keys")
        shutil.copy(self.public, project.folder / "cosign.pub")
        project.configure(
            deploy={"name": DEPLOYMENT, "port": PORT, "operator_port": OPERATOR_PORT, "proxy_image": PROXY}
        )
        project.commit("deployment parameters")
        self.origin = folder / "origin.git"
        project.ok("git", "clone", "--quiet", "--bare", ".", str(self.origin))
        project.ok("git", "-C", str(self.origin), "config", "uploadpack.allowAnySHA1InWant", "true")
        self.report = folder / "report.json"
        path = f"{folder / 'machine/bin'}{os.pathsep}{parts.programs()}"
        environment = github.environment()
        token = {"GH_HOST": environment["GITHUB_SERVER_URL"].removeprefix("https://"), "GH_ENTERPRISE_TOKEN": "t0ken"}
        self.machine = Machine(
            folder / "machine", self.origin, **environment, **token, PATH=path, STANDIN_REPORT=str(self.report)
        )
        self._uv()
        shutil.copytree(project.folder / ".dvc/cache", self.machine.cache)

    def _uv(self) -> None:
        """The stand-in for `uv sync`; every other command is uv's own."""
        real = shutil.which("uv") or str(ROOT / ".tools/bin/uv")
        own = UV.replace('test "$1" = sync || exit 1', f'test "$1" = sync || exec "{real}" "$@"')
        (self.machine.folder / "bin/uv").write_text(own, encoding="utf-8")

    def merge(self, message: str, **variables: str) -> WorkflowResult:
        """Commit the changes, push them, and run the workflow as GitHub would."""
        before = self.project.ok("git", "rev-parse", "HEAD").strip()
        self.project.ok("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", message)
        self.project.ok("git", "push", "--quiet", str(self.origin), "HEAD:refs/heads/main")
        shutil.rmtree(self.machine.artifacts, ignore_errors=True)
        payload = {
            "ref": "refs/heads/main",
            "before": before,
            "repository": {"full_name": NAME, "default_branch": "main", "visibility": "public"},
        }
        acted = self.machine.act(
            "deploy",
            "push",
            payload,
            self.project.folder,
            variables={"REGISTRY": self.registry, "BASE_IMAGE": parts.serving_base(), **variables},
            secrets={
                "GITHUB_TOKEN": "t0ken",
                "COSIGN_PRIVATE_KEY": self.key.read_text(encoding="utf-8"),
                "COSIGN_PASSWORD": "",
            },
        )
        print(acted.log)  # shown where the test fails
        return acted


@pytest.fixture
def merging(trained: Project, tmp_path: Path) -> Iterator[Merging]:
    parts.require_parts()
    proxy_image(tmp_path)
    stand_in = StandIn({"repository": NAME}, git=tmp_path / "origin.git")
    with parts.registry(tmp_path / "registry") as host, stand_in as github:
        clean(DEPLOYMENT)
        yield Merging(tmp_path, trained, host, github)
        clean(DEPLOYMENT)


def request(path: str, body: object = None, port: int = PORT) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data, timeout=30) as response:
        return json.loads(response.read())


def test_a_merge_ships_once_and_a_documentation_merge_ships_nothing(merging: Merging) -> None:
    merging.report.write_text(json.dumps(report()), encoding="utf-8")
    readme = merging.project.folder / "README.md"

    readme.write_text("One\n", encoding="utf-8")
    first = merging.merge("one", DEPLOY_TARGET=LOCAL_DOCKER)

    assert first.jobs == {"release": "success", "deploy": "success"}
    assert "signed and attested" in first.log
    manifest = json.loads((merging.machine.artifacts / "release/release.json").read_text(encoding="utf-8"))
    assert manifest["image"].startswith(f"{merging.registry}/{NAME}@sha256:")
    assert first.log.count(f"attest {manifest['image']}") == 2  # the provenance and the release
    verify = ["pipeline", "release", "verify", manifest["image"], "--key", str(merging.public)]
    assert "signed" in merging.project.ok(*verify, PATH=parts.programs())

    assert "signature verified" in first.log
    assert request("/release", port=OPERATOR_PORT)["release"] == manifest["id"]
    golden = manifest["golden"][0]
    (answer,) = request("/predict", {"rows": [golden["row"]]})["predictions"]
    assert golden["expected"] == {key: answer[key] for key in golden["expected"]}
    (deployment,) = merging.github.state["deployments"]
    assert (deployment["ref"], deployment["environment"]) == (manifest["commit"], "production")
    assert merging.github.state["deployment_statuses"][-1]["state"] == "success"

    readme.write_text("Two\n", encoding="utf-8")
    second = merging.merge("two", DEPLOY_TARGET=LOCAL_DOCKER)

    assert second.jobs == {"release": "success"}  # and no `deploy`
    assert f"release {manifest['id']}: nothing to build: {manifest['image']}" in second.log


def test_a_merge_that_the_scan_stops_is_neither_pushed_nor_deployed(merging: Merging) -> None:
    merging.report.write_text(json.dumps(report(match("CVE-2026-1", "Critical"))), encoding="utf-8")
    (merging.project.folder / "README.md").write_text("One\n", encoding="utf-8")

    acted = merging.merge("one", DEPLOY_TARGET="ssh://nobody@127.0.0.1")

    assert acted.jobs["release"] == "failure"
    assert acted.jobs.get("deploy") != "success"
    assert "scan: fail" in acted.log
    assert not os.path.exists(merging.folder / "registry/blobs/docker/registry/v2/repositories")
