"""Every link of README.md to a file is valid."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_file_that_the_readme_links_to_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = {target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)}
    files = [target for target in targets if target and "://" not in target]
    assert [file for file in sorted(files) if not (ROOT / file).exists()] == []
