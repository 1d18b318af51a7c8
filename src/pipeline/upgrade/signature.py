"""The signature of a version's tag, by an SSH or an OpenPGP key that the caller trusts."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from pipeline.core.errors import PipelineError, last_line

SSH = re.compile(r"^(ssh|ecdsa|sk)-\S+ \S+")


def check(tag: str, key: Path) -> None:
    """PipelineError unless the tag is signed by this key."""
    try:
        text = key.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise PipelineError(f"{key}: can't be read; name a public key of SSH or OpenPGP") from None
    with tempfile.TemporaryDirectory(prefix="key-") as name:
        options, environment = (_ssh if SSH.match(text) else _openpgp)(Path(name), text, key)
        verified = _run(["git", *options, "verify-tag", tag], environment)
    if verified.returncode:
        version = tag.rpartition("/")[2]
        reason = last_line(verified.stderr) or "git verify-tag says no more"
        raise PipelineError(f"{version}: is not signed by {key} ({reason}); nothing was changed")


def _ssh(folder: Path, text: str, _key: Path) -> tuple[list[str], dict[str, str]]:
    signers = folder / "signers"
    signers.write_text("".join(f'template namespaces="git" {line}\n' for line in text.splitlines()), encoding="utf-8")
    return ["-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={signers}"], {}


def _openpgp(folder: Path, _text: str, key: Path) -> tuple[list[str], dict[str, str]]:
    folder.chmod(0o700)
    environment = {"GNUPGHOME": str(folder)}
    imported = _run(["gpg", "--batch", "--quiet", "--import", str(key)], environment)
    if imported.returncode:
        raise PipelineError(f"{key}: is no public key of SSH or OpenPGP ({last_line(imported.stderr)})")
    return ["-c", "gpg.format=openpgp"], environment


def _run(command: list[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    whole = os.environ | {"LC_ALL": "C"} | environment
    try:
        return subprocess.run(command, env=whole, capture_output=True, encoding="utf-8", errors="replace", check=False)
    except OSError:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]} is not installed")
