"""The real parts of a release: cosign from Debian, a registry on this machine, a base image, a key."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.pipeline.conftest import ROOT, missing, require
from tests.pipeline.runner.containers import base_image, docker, require_daemon
from tests.pipeline.shared import locked
from tests.pipeline.surroundings import free_port

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pipeline-cosign"
BASE_PACKAGES = "ca-certificates,libgomp1,python3,python3-venv"  # what python:3.11-slim has, with OpenMP
COSIGN = "3.1.1"  # forky's when this was written; a later 3 serves as well
DEBIAN = {"3": "forky", "2": "trixie"}  # the release that has that version of cosign; nothing else is taken from it
SOURCE = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian {} main\n"


def require_parts() -> None:
    """Skip, or fail where they are required, without an engine, a registry or cosign."""
    require_daemon()
    require("docker-registry")
    cosign()


def serving_base() -> str:
    return base_image(BASE_PACKAGES)


def cosign(version: str = "3") -> Path:
    """The folder of the program cosign in that major version, Debian's, unpacked once into the user's cache."""
    folder = CACHE / DEBIAN[version]
    with locked(CACHE / "lock"):
        if not (folder / "usr/bin/cosign").exists():
            try:
                _download(version, folder)
            except (OSError, subprocess.CalledProcessError) as error:
                missing(f"Debian's cosign {version} is unavailable ({error})")
    return folder / "usr/bin"


def _download(version: str, target: Path) -> None:
    shutil.rmtree(CACHE / "apt", ignore_errors=True)
    for name in ("apt/lists/partial", "apt/cache/archives/partial"):
        (CACHE / name).mkdir(parents=True)
    (CACHE / "apt/sources.list").write_text(SOURCE.format(DEBIAN[version]), encoding="utf-8")
    folders = {"Dir::Etc::sourcelist": "sources.list", "Dir::State::lists": "lists", "Dir::Cache": "cache"}
    options = ["-o", "Dir::Etc::sourceparts=-"]
    options += [part for key, name in folders.items() for part in ("-o", f"{key}={CACHE / 'apt' / name}")]
    for command in (["update", "-q"], ["download", "-q", "cosign"]):
        subprocess.run(["apt-get", *options, *command], cwd=CACHE / "apt", check=True, capture_output=True, timeout=300)
    (package,) = (CACHE / "apt").glob(f"cosign_{version}.*.deb")
    subprocess.run(["dpkg", "-x", package, target], check=True, timeout=60)


def programs() -> str:
    """A PATH with the environment's own programs, then cosign and uv."""
    return os.pathsep.join(
        [str(Path(sys.executable).parent), str(cosign()), os.environ["PATH"], str(ROOT / ".tools/bin")]
    )


def key(folder: Path) -> tuple[Path, Path]:
    """A new private and public key in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"COSIGN_PASSWORD": "", "PATH": programs()}
    command = ["cosign", "generate-key-pair"]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, timeout=60)
    return folder / "cosign.key", folder / "cosign.pub"


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """A registry on a free port of this machine while the block runs: its HOST:PORT."""
    host = f"127.0.0.1:{free_port()}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder / 'blobs'}}}}}\n"
        f"http: {{addr: '{host}'}}\n",
        encoding="utf-8",
    )
    with (folder / "log").open("w") as log:
        command = ["docker-registry", "serve", str(folder / "config.yml")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for(f"http://{host}/v2/", 200, 60)
            yield host
        finally:
            process.terminate()
            process.wait(timeout=60)
            remove_images(host)


def remove_images(host: str) -> None:
    """Remove a registry's images from the engine."""
    form = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
    for line in docker("images", "--digests", "--format", form, f"{host}/*/*").stdout.splitlines():
        for name in line.split():  # a tag takes its digest with it
            docker("image", "rm", "--force", name, check=False)


def _wait_for(url: str, status: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as response:
            if response.status == status:
                return
        time.sleep(0.05)
    raise AssertionError(f"{url} gives no {status} after {seconds} s")


@contextlib.contextmanager
def running(image: str) -> Iterator[str]:
    """A container of the image as production runs it: its root file system read-only. Yields its address."""
    limits = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]  # noqa: S108
    name = docker("run", "--detach", *limits, "--publish", "127.0.0.1::3000", image).stdout.strip()
    try:
        address = docker("port", name, "3000").stdout.splitlines()[0].strip()
        try:
            _wait_for(f"http://{address}/readyz", 200, 180)
        except AssertionError as error:
            raise AssertionError(f"{error}: {docker('logs', name).stdout}") from None
        yield address
    finally:
        docker("rm", "--force", "--volumes", name)
