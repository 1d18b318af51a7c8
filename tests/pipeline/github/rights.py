"""Which permission an App's token needs for a request, by GitHub's page "Permissions required for GitHub Apps"."""

import re
from collections.abc import Mapping

LEVELS = ("read", "write")
NEEDED = (
    (r"GET $", "metadata: read"),
    (r"GET collaborators/[^/]+/permission$", "metadata: read"),
    (r"POST statuses/", "statuses: write"),
    (r"GET commits/.+/status(es)?$", "statuses: read"),
)


def allows(permissions: Mapping[str, str] | None, method: str, path: str) -> bool:
    """Whether a token with these permissions may; None: it may do all. What the table lacks is refused."""
    if permissions is None:
        return True
    needed = next((need for pattern, need in NEEDED if re.match(pattern, f"{method} {path}")), "unlisted: write")
    name, _, level = needed.partition(": ")
    granted = {"metadata": "read", **permissions}.get(name)
    return granted is not None and LEVELS.index(granted) >= LEVELS.index(level)
