"""What this machine has: tools, Python, the environment, disk, GPU, Docker."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from pipeline.doctor.finding import Checks, Finding, good, missing, not_visible, wrong

TIMEOUT = 15  # seconds for one program
OLDEST_GIT = (2, 30)
MIN_DISK, LOW_DISK = 1, 5  # GB
UV = Path(".tools/bin/uv")
SYNCED = Path(".venv/.synced")
LOCKED = ("pyproject.toml", "src/project/pyproject.toml", ".template.yaml", "uv.lock")  # as in the Makefile
GPU_PAGE = "docs/how-to/train-on-a-gpu.md"
DEVICES = """
from pipeline.core import params
from pipeline.models.boosting import choose_device
device, reason = choose_device(params.read().train.device)
print(device, reason, sep="\\t")
"""


def git() -> Finding:
    """Git itself, of a version that has all that the commands need."""
    printed = output("git", "--version")
    if printed is None:
        return wrong("git is not installed", "sudo apt-get install git")
    version = tuple(int(part) for part in re.findall(r"\d+", printed)[:2])
    if version < OLDEST_GIT:
        return wrong(f"{printed.strip()} is too old", f"install git {'.'.join(map(str, OLDEST_GIT))} or newer")
    return good(printed.strip())


def make() -> Finding:
    printed = output("make", "--version")
    if printed is None:
        return wrong("make is not installed", "sudo apt-get install make")
    return good(printed.splitlines()[0])


def uv() -> Finding:
    path = shutil.which("uv") or (str(UV) if UV.is_file() else None)
    printed = output(path, "--version") if path else None
    if printed is None:
        return wrong("uv is neither on the PATH nor in .tools", "make setup")
    return good(printed.strip())


def gh() -> Finding:
    printed = output("gh", "--version")
    if printed is None:
        return missing("gh is not on the PATH: nothing of GitHub can be looked at", "https://cli.github.com")
    return good(printed.splitlines()[0])


def python() -> Finding:
    """Whether Python is one that pyproject.toml allows."""
    from packaging.specifiers import SpecifierSet

    version = ".".join(map(str, sys.version_info[:3]))
    allowed = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    if version not in SpecifierSet(allowed):
        return wrong(f"Python {version}, but pyproject.toml asks for {allowed}", "rm -rf .venv && make setup")
    return good(f"{version} ({allowed})")


def environment() -> Finding:
    """Whether the environment is the locked one: `make setup` leaves a file that is newer than what it read."""
    if not SYNCED.is_file():
        return wrong("there is no .venv that `make setup` has made", "make setup")
    newer = [name for name in LOCKED if Path(name).is_file() and Path(name).stat().st_mtime > SYNCED.stat().st_mtime]
    if newer:
        return wrong(f"{', '.join(newer)} changed after .venv was installed", "make setup")
    return good("the locked one, in .venv")


def disk() -> Finding:
    """The space that is left where the repository is."""
    free = shutil.disk_usage(Path()).free / 1e9
    text = f"{free:,.1f} GB free"
    if free < MIN_DISK:
        return wrong(f"{text}: a run may not fit", ".venv/bin/dvc gc --workspace")
    if free < LOW_DISK:
        return missing(f"{text}: little for data and images", ".venv/bin/dvc gc --workspace")
    return good(text)


def gpu() -> Finding:
    """What LightGBM trains on here; another process looks, as drivers write to the terminal and may crash."""
    device, reason = _device()
    if device == "":
        return wrong(reason, GPU_PAGE)
    cards = output("nvidia-smi", "--list-gpus")
    if device == "cpu" and cards and "is cpu" not in reason:
        return missing(f"{cards.splitlines()[0].split(' (')[0]} is not used ({reason})", GPU_PAGE)
    return good(f"LightGBM trains on {device}: {reason}")


def docker() -> Finding:
    """Docker's engine, which releases and their tests need."""
    if shutil.which("docker") is None:
        return missing("docker is not installed: `pipeline release` and `deploy` need it", "https://docs.docker.com")
    printed = output("docker", "version", "--format", "{{.Server.Version}}")
    if printed is None or not printed.strip():
        return wrong("docker is installed, but its engine does not answer", "sudo systemctl start docker")
    return good(f"engine {printed.strip()}")


def deploy_host() -> Finding:
    """The host that `pipeline deploy` reaches from here: the one in DEPLOY_TARGET or DOCKER_HOST."""
    name = next((name for name in ("DEPLOY_TARGET", "DOCKER_HOST") if os.environ.get(name)), None)
    if name is None:
        return not_visible("neither DEPLOY_TARGET nor DOCKER_HOST names a host here")
    return host(os.environ[name], f"{name} names it", reachable_from_here=True)


def host(address: str, reason: str, *, reachable_from_here: bool) -> Finding:
    """Whether Docker's engine at this address answers."""
    if not re.match(r"(ssh|tcp|unix)://.", address):
        return wrong(f"{address}: is no address of Docker ({reason})", "gh variable set DEPLOY_TARGET --body ssh://…")
    printed = output("docker", "--host", address, "version", "--format", "{{.Server.Version}}")
    if printed and printed.strip():
        return good(f"{address}: engine {printed.strip()}")
    text = f"{address}: does not answer ({reason})"
    return wrong(text, f"docker --host {address} info") if reachable_from_here else not_visible(text)


def output(*command: str) -> str | None:
    """What a program prints; None where it is missing, fails or does not end in time."""
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _device() -> tuple[str, str]:
    """The device that LightGBM takes, and why; an empty one with the error where it takes none."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", DEVICES], capture_output=True, encoding="utf-8", timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return "", f"LightGBM did not answer within {TIMEOUT} s"
    device, _, reason = done.stdout.strip().partition("\t")
    lines = done.stderr.strip().splitlines() or ["LightGBM ended without a word"]
    return (device, reason) if done.returncode == 0 else ("", lines[-1].rpartition("PipelineError: ")[2])


CHECKS: Checks = {
    "git": git,
    "make": make,
    "uv": uv,
    "gh": gh,
    "Python": python,
    "environment": environment,
    "disk": disk,
    "GPU": gpu,
    "Docker": docker,
    "deploy host": deploy_host,
}
