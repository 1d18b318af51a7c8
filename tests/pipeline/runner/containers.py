"""Containers for the tests, without a registry: debootstrap makes the base image, once, into the user's cache."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.pipeline.conftest import missing, require
from tests.pipeline.shared import locked

PACKAGES = "ca-certificates,curl,gh,git,libgomp1,make,ocl-icd-libopencl1,openssl,python3,python3-venv"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pipeline-base-image"
# The machine's own certificates, for networks behind a proxy.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
BUILD_TIMEOUT = 900


def docker(*command: str, check: bool = True, **options: object) -> subprocess.CompletedProcess[str]:
    """Run docker with the classic builder, which every client has; BuildKit needs a plugin with newer ones."""
    environment = os.environ | {"DOCKER_BUILDKIT": "0"}
    completed = subprocess.run(
        ["docker", *command], env=environment, capture_output=True, text=True, check=False, timeout=BUILD_TIMEOUT
    )
    assert not check or completed.returncode == 0, completed.stdout[-4000:] + completed.stderr[-4000:]
    return completed


def require_daemon() -> None:
    """Skip without a running Docker daemon, or the means to make an image; fail where they are required."""
    require("docker")
    if docker("info", check=False).returncode:
        missing("no Docker daemon is running")
    if os.geteuid():
        missing("debootstrap needs root")


def base_image(packages: str = PACKAGES) -> str:
    """The tag of a Debian image with these packages (those of the runner's Dockerfile); it is made if missing."""
    key = hashlib.sha256(packages.encode()).hexdigest()[:12]
    tag = f"pipeline-base:{key}"
    with locked(CACHE / "lock"):
        if docker("image", "inspect", tag, check=False).returncode:
            docker("import", str(_archive(key, packages)), f"{tag}-plain")
            _add_certificates(tag)
    return tag


def _archive(key: str, packages: str) -> Path:
    archive = CACHE / f"{key}.tar"
    if archive.exists():
        return archive
    require("debootstrap")
    root = CACHE / f"{key}.root"
    shutil.rmtree(root, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(root)]
    subprocess.run(command, check=True, capture_output=True, timeout=BUILD_TIMEOUT)
    part = archive.with_suffix(".part")
    subprocess.run(["tar", "-C", root, "-cf", part, "."], check=True, timeout=BUILD_TIMEOUT)
    shutil.rmtree(root)
    return part.rename(archive)


def _add_certificates(tag: str) -> None:
    context = CACHE / "context"
    context.mkdir(exist_ok=True)
    shutil.copy(CERTIFICATES, context / "host.crt")
    (context / "Dockerfile").write_text(
        f"FROM {tag}-plain\nCOPY host.crt /etc/ssl/certs/ca-certificates.crt\n"
        "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt\n"
    )
    docker("build", "--force-rm", "--tag", tag, str(context))
