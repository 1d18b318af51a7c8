"""The image of a release: built, inspected and pushed by `docker`; its bill of materials is made by syft."""

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import PipelineError, last_line
from pipeline.ship.release.identity import DOCKERFILE
from pipeline.ship.release.processes import program, run_program

LOCAL = "pipeline"  # the image's name on the machine that builds it; a named pipeline's goes behind it
BASE = "python:3.11-slim-bookworm"
ABSENT = ("not found", "manifest unknown", "name unknown", "denied")
# Prints the size of every installed package in MB; runs inside the image.
PACKAGE_SIZES = """
import importlib.metadata as m, json
def size(d): return sum(f.locate().stat().st_size for f in d.files or () if f.locate().is_file())
print(json.dumps({d.metadata["Name"]: round(size(d) / 1e6, 1) for d in m.distributions()}))
"""


def build(context: Path, tag: str, base: str, labels: Mapping[str, str]) -> str:
    """Build the image of a Bento and return its id (sha256:...)."""
    options = [part for name, value in labels.items() for part in ("--label", f"{name}={value}")]
    with tempfile.TemporaryDirectory() as folder:
        id_file = Path(folder) / "id"
        command = ["build", "--file", str(DOCKERFILE), "--build-arg", f"BASE={base}", "--tag", tag]
        run_program(
            "docker", *command, "--iidfile", str(id_file), *options, str(context), failure=f"docker build {tag}"
        )
        return id_file.read_text(encoding="utf-8").strip()


def find(reference: str) -> dict[str, Any] | None:
    """What the engine says of an image; None where it has none. PipelineError where the engine can't be reached."""
    result = subprocess.run(
        [program("docker"), "image", "inspect", reference], capture_output=True, encoding="utf-8", check=False
    )
    if result.returncode == 0:
        return dict(json.loads(result.stdout)[0])
    if "no such image" in result.stderr.lower():
        return None
    raise PipelineError(f"docker: {last_line(result.stderr)}")


def pull(reference: str) -> dict[str, Any] | None:
    """Pull an image and return what the engine says of it; None where the registry has none of that name."""
    result = subprocess.run(
        [program("docker"), "pull", "--quiet", reference], capture_output=True, encoding="utf-8", check=False
    )
    if result.returncode == 0:
        return find(reference)
    error = last_line(result.stderr)
    if any(text in error.lower() for text in ABSENT):
        return None
    raise PipelineError(f"{reference}: the registry can't be queried ({error}); `docker login` may be missing")


def push(tag: str, name: str, release: str) -> str:
    """Push the image as NAME:RELEASE and return name@sha256:..., its only name from then on."""
    reference = f"{name}:{release}"
    run_program("docker", "tag", tag, reference, failure=f"docker tag {reference}")
    run_program("docker", "push", "--quiet", reference, failure=f"docker push {reference}")
    return digest(find(reference) or {}, name)


def digest(image: Mapping[str, Any], name: str) -> str:
    """The image's reference by digest in the repository `name`."""
    digests = [reference for reference in image.get("RepoDigests") or () if reference.startswith(f"{name}@")]
    if not digests:
        raise PipelineError(f"{name}: the registry gave the image no digest; push it again")
    return str(digests[-1])


def package_sizes(reference: str) -> dict[str, float]:
    """The size in MB of each Python package in the image, largest first."""
    command = ["run", "--rm", "--network", "none", "--entrypoint", "python", reference, "-c", PACKAGE_SIZES]
    sizes = json.loads(run_program("docker", *command, failure=f"{reference}: its packages can't be listed"))
    return dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0])))


def write_bill(reference: str, path: Path, named: Sequence[Path] = ()) -> int:
    """Write the bill of materials (CycloneDX, by syft) of an image, and return the number of its components.

    `named`: files in the image that belong to no package, as feature code and its state; each gets its SHA-256.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    environment = {"SYFT_CHECK_FOR_APP_UPDATE": "false", "SYFT_QUIET": "true"}
    command = ["scan", f"docker:{reference}", "--output", f"cyclonedx-json={path}"]
    run_program("syft", *command, failure=f"{reference}: its packages can't be listed", environment=environment)
    bill = files.read_json(path, "pipeline release")
    components = bill.get("components", [])
    if not components:
        raise PipelineError(f"{reference}: syft found no package in it; `pipeline release` did not build this image")
    content = bill | {"components": components + [component(file) for file in named]}
    files.write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return len(components)


def component(path: Path) -> dict[str, Any]:
    """A file as a component of a bill of materials."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"type": "file", "name": path.as_posix(), "hashes": [{"alg": "SHA-256", "content": digest}]}
