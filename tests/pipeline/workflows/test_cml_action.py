"""The action that installs CML: nothing of it is on the PATH before all of its files have the pinned checksum."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.pipeline.conftest import ROOT

INSTALL = ROOT / ".github/actions/cml/install"
NPM = """#!/bin/sh
echo "npm $*"
mkdir -p node_modules/a
echo x >node_modules/a/index.js
echo $$ >node_modules/.package-lock.json
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of CML, beside a stand-in for npm."""
    for name, text in {"tools/cml/bin/cml.js": "#!/bin/sh\necho CML\n", "tools/cml/.git/HEAD": "a", "npm": NPM}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    return tmp_path / "tools/cml"


def install(checkout: Path, checksum: str) -> "subprocess.CompletedProcess[str]":
    folder = checkout.parents[1]
    environment = {"PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin", "GITHUB_PATH": str(folder / "path")}
    return subprocess.run(
        [str(INSTALL), str(checkout), checksum], env=environment, capture_output=True, text=True, check=False
    )


def actual_checksum(checkout: Path) -> str:
    refused = install(checkout, "0" * 64)
    match = re.fullmatch(r"cml: not installed: its files have the checksum ([0-9a-f]{64}), not 0{64}\n", refused.stderr)
    assert match
    assert refused.returncode == 1
    assert not (checkout.parents[1] / "path").exists()
    return match[1]


def test_cml_is_on_the_path_where_its_files_have_the_checksum(checkout: Path) -> None:
    installed = install(checkout, actual_checksum(checkout))

    assert installed.returncode == 0, installed.stderr
    assert "npm ci --omit=dev --ignore-scripts" in installed.stdout
    folder = (checkout.parents[1] / "path").read_text(encoding="utf-8").strip()
    assert subprocess.run([f"{folder}/cml"], capture_output=True, text=True, check=True).stdout == "CML\n"


@pytest.mark.parametrize("name", ["bin/cml.js", "new.js"])
def test_another_file_is_another_checksum(checkout: Path, name: str) -> None:
    expected = actual_checksum(checkout)
    (checkout / name).write_text("changed\n", encoding="utf-8")

    assert actual_checksum(checkout) != expected
