"""The image of a release: built, asked about itself, pushed by digest, by `docker`; its bill of materials, by syft."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import PipelineError, last_line
from pipeline.ship.release.identity import DOCKERFILE
from pipeline.ship.release.processes import program, succeed

LOCAL = "pipeline"  # the image's name on the machine that builds it
BASE = "python:3.11-slim-bookworm"
ABSENT = ("not found", "manifest unknown", "name unknown", "denied")
# What every installed package weighs, in MB, asked inside the image.
WEIGH = """
import importlib.metadata as m, json
def size(d): return sum(f.locate().stat().st_size for f in d.files or () if f.locate().is_file())
print(json.dumps({d.metadata["Name"]: round(size(d) / 1e6, 1) for d in m.distributions()}))
"""


def build(context: Path, tag: str, base: str, labels: Mapping[str, str]) -> str:
    """Build the image of a Bento and return its id (sha256:...)."""
    given = [part for name, value in labels.items() for part in ("--label", f"{name}={value}")]
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "id"
        command = ["build", "--file", str(DOCKERFILE), "--build-arg", f"BASE={base}", "--tag", tag]
        succeed("docker", *command, "--iidfile", str(written), *given, str(context), why=f"docker build {tag}")
        return written.read_text(encoding="utf-8").strip()


def find(reference: str) -> dict[str, Any] | None:
    """What the engine knows of an image; None where it has none. PipelineError where the engine is not there."""
    done = subprocess.run(
        [program("docker"), "image", "inspect", reference], capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode == 0:
        return dict(json.loads(done.stdout)[0])
    if "no such image" in done.stderr.lower():
        return None
    raise PipelineError(f"docker: {last_line(done.stderr)}")


def pull(reference: str) -> dict[str, Any] | None:
    """An image of a registry, brought here; None where the registry has none of that name."""
    done = subprocess.run(
        [program("docker"), "pull", "--quiet", reference], capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode == 0:
        return find(reference)
    said = last_line(done.stderr)
    if any(word in said.lower() for word in ABSENT):
        return None
    raise PipelineError(f"{reference}: the registry can't be asked ({said}); `docker login` may be missing")


def push(tag: str, name: str, release: str) -> str:
    """Push the image as NAME:RELEASE and return name@sha256:..., by which alone it is named from then on."""
    reference = f"{name}:{release}"
    succeed("docker", "tag", tag, reference, why=f"docker tag {reference}")
    succeed("docker", "push", "--quiet", reference, why=f"docker push {reference}")
    return digest(find(reference) or {}, name)


def digest(image: Mapping[str, Any], name: str) -> str:
    """The image's reference by digest in the repository `name`."""
    found = [one for one in image.get("RepoDigests") or () if one.startswith(f"{name}@")]
    if not found:
        raise PipelineError(f"{name}: the registry gave the image no digest; push it again")
    return str(found[-1])


def weights(reference: str) -> dict[str, float]:
    """MB of each Python package in the image, the heaviest first."""
    command = ["run", "--rm", "--network", "none", "--entrypoint", "python", reference, "-c", WEIGH]
    found = json.loads(succeed("docker", *command, why=f"{reference}: its packages can't be listed"))
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def write_bill(reference: str, path: Path) -> int:
    """Write the bill of materials (CycloneDX, by syft) of an image; the number of its components."""
    path.parent.mkdir(parents=True, exist_ok=True)
    quiet = {"SYFT_CHECK_FOR_APP_UPDATE": "false", "SYFT_QUIET": "true"}
    command = ["scan", f"docker:{reference}", "--output", f"cyclonedx-json={path}"]
    succeed("syft", *command, why=f"{reference}: its packages can't be listed", environment=quiet)
    components = files.read_json(path).get("components", [])
    if not components:
        raise PipelineError(f"{reference}: syft found no package in it; the image is not one of ours")
    return len(components)
