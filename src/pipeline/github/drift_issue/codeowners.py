"""Whom the monitor's issues are given to."""

import re
from collections.abc import Sequence
from pathlib import Path

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")  # GitHub takes the first
WHOLE = frozenset({"*", "**", "/**"})
LOGIN = re.compile(r"@([A-Za-z0-9][A-Za-z0-9-]{0,38})")
MOST = 10  # assignees of an issue


def assignees(named: Sequence[str], root: Path = Path()) -> list[str]:
    """The configured logins, else the people that CODEOWNERS names for the whole repository; no teams."""
    return list(dict.fromkeys(name.removeprefix("@") for name in named or _owners(root)))[:MOST]


def _owners(root: Path) -> list[str]:
    path = next((root / place for place in PLACES if (root / place).is_file()), None)
    if path is None:
        return []
    lines = [line.partition("#")[0].split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    whole = [words[1:] for words in lines if words and words[0] in WHOLE]
    return [found[1] for word in (whole[-1] if whole else []) if (found := LOGIN.fullmatch(word))]
