"""Branches of the repository, moved without losing anybody's commit."""

import re
from urllib.parse import quote

from pipeline.github.client import api

MOVED = "not a fast.forward|Reference does not exist"  # GitHub's messages about a branch that has moved


def fast_forward(branch: str, expected: str, commit: str, *, purpose: str) -> bool:
    """Move the branch from the expected commit to one on top of it; False where it is elsewhere by now."""
    ref = quote(f"heads/{branch}")
    try:
        # A branch that was reset would take the commit as a fast-forward, and with it the commits that were dropped.
        if api.call("GET", f"git/ref/{ref}", purpose="read the branch")["object"]["sha"] != expected:
            return False
        api.call("PATCH", f"git/refs/{ref}", {"sha": commit, "force": False}, purpose=purpose)
    except api.RefusedError as problem:
        if problem.status == 404 or (problem.status == 422 and re.search(MOVED, str(problem))):
            return False
        raise
    return True
