"""The bill of materials: every package in the image, as CycloneDX, by syft."""

from pathlib import Path

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.ship.release.processes import succeed


def write(reference: str, path: Path) -> int:
    """Write the bill of an image of the local engine; the number of its components."""
    path.parent.mkdir(parents=True, exist_ok=True)
    quiet = {"SYFT_CHECK_FOR_APP_UPDATE": "false", "SYFT_QUIET": "true"}
    command = ["scan", f"docker:{reference}", "--output", f"cyclonedx-json={path}"]
    succeed("syft", *command, why=f"{reference}: its packages can't be listed", environment=quiet)
    components = files.read_json(path).get("components", [])
    if not components:
        raise PipelineError(f"{reference}: syft found no package in it; the image is not one of ours")
    return len(components)
