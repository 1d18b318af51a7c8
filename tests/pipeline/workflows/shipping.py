"""What `deploy.yaml` needs beside a repository: a registry, a key, the scanner's report, cosign and uv; and a host."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.pipeline.conftest import ROOT, Project
from tests.pipeline.ship.deploy.hosts import PORT as STORY_PORT
from tests.pipeline.ship.deploy.hosts import PROXY, WORKER
from tests.pipeline.ship.release import parts
from tests.pipeline.ship.release.reports import report
from tests.pipeline.workflows.acting import UV, Machine, WorkflowResult

LOCAL_DOCKER = "unix:///var/run/docker.sock"
DEPLOYMENT, PORT, OPERATOR_PORT = f"pipeline-merge-{WORKER}", STORY_PORT + 20, STORY_PORT + 120
BOUNDS: dict[str, Any] = {"name": DEPLOYMENT, "port": PORT, "operator_port": OPERATOR_PORT, "proxy_image": PROXY}


class Shipping:
    """The registry and the host of a repository's releases."""

    def __init__(self, folder: Path, machine: Machine, registry: str) -> None:
        self.machine, self.registry = machine, registry
        self.key, self.public = parts.key(folder / "keys")
        self.report = folder / "report.json"
        self.report.write_text(json.dumps(report()), encoding="utf-8")
        machine.env |= {
            "PATH": f"{machine.folder / 'bin'}{os.pathsep}{parts.programs()}",
            "STANDIN_REPORT": str(self.report),
        }
        real = shutil.which("uv") or str(ROOT / ".tools/bin/uv")  # which exports the image's packages
        own = UV.replace('test "$1" = sync || exit 1', f'test "$1" = sync || exec "{real}" "$@"')
        (machine.folder / "bin/uv").write_text(own, encoding="utf-8")

    def configure(self, project: Project, **bounds: Any) -> None:
        """Put the public key and the host's parameters into the project."""
        shutil.copy(self.public, project.folder / "cosign.pub")
        project.configure(deploy=BOUNDS | bounds)

    def ship(self, checkout: Path, repository: str, target: str = LOCAL_DOCKER) -> WorkflowResult:
        """Run deploy.yaml as GitHub does for a push of the checkout's commit to main."""
        shutil.rmtree(self.machine.artifacts, ignore_errors=True)
        result = self.machine.act(
            "deploy",
            "push",
            {
                "ref": "refs/heads/main",
                "repository": {"full_name": repository, "default_branch": "main", "visibility": "public"},
            },
            checkout,
            variables={"REGISTRY": self.registry, "BASE_IMAGE": parts.serving_base(), "DEPLOY_TARGET": target},
            secrets={
                "GITHUB_TOKEN": "t0ken",
                "COSIGN_PRIVATE_KEY": self.key.read_text(encoding="utf-8"),
                "COSIGN_PASSWORD": "",
            },
        )
        print(result.log)  # pytest shows it where the test fails
        return result

    def manifest(self, pipeline: str = "") -> Mapping[str, Any]:
        """The release that the workflow built last, of the pipeline with this name."""
        path = self.machine.artifacts / f"release{pipeline and f'-{pipeline}'}" / "release.json"
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content
