"""The template's published versions: its tags, and what its changelog says of each."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.errors import PipelineError
from pipeline.core.git import git
from pipeline.core.template import Template

CHANGELOG = "CHANGELOG.md"
TAG = re.compile(r"refs/tags/(v(\d+)\.(\d+)\.(\d+))$")
# A heading of the changelog, as Keep a Changelog writes it: a withdrawn version is marked [YANKED].
HEADING = re.compile(r"^## \[?(?P<version>\d+\.\d+\.\d+|Unreleased)\]?(?P<rest>.*)$", re.MULTILINE | re.IGNORECASE)
SHORT = 15  # seconds for a look at the template
Number = tuple[int, ...]


class UnreachableError(PipelineError):
    """The template's repository can't be reached."""


def address(source: str) -> str:
    """The address that git fetches from: GitHub's for owner/name; a URL or a folder as it is."""
    if re.fullmatch(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", source) and not Path(source).exists():
        return f"https://github.com/{source}"  # default of a source without a host
    return str(Path(source).resolve()) if Path(source).exists() else source


def number(version: str) -> Number:
    return tuple(int(part) for part in version.removeprefix("v").split("."))


def published(url: str, *, timeout: float = SHORT) -> list[str]:
    """The versions that have a tag, the oldest first; UnreachableError where the repository does not answer."""
    listed = _run(["git", "ls-remote", "--tags", "--refs", url], timeout)
    if listed.returncode:
        raise UnreachableError(f"{url}: the template can't be read: {_reason(listed.stderr)}")
    tags = [match for line in listed.stdout.splitlines() if (match := TAG.search(line))]
    return sorted((match[1].removeprefix("v") for match in tags), key=number)


def newest(url: str, versions: list[str]) -> str | None:
    """The newest version that is not withdrawn; None where there is none. The newest changelog decides."""
    withdrawn = yanked(changelog(url, versions[-1])) if versions else {}
    return next((version for version in reversed(versions) if version not in withdrawn), None)


def changelog(url: str, version: str) -> str:
    """The changelog of a version; empty where it has none."""
    with only(url, f"refs/tags/v{version}") as folder:
        return git(folder, "show", f"FETCH_HEAD:{CHANGELOG}").stdout


@contextmanager
def only(url: str, revision: str, *, timeout: float = SHORT) -> Iterator[Path]:
    """A temporary repository that holds one revision of the template, as FETCH_HEAD."""
    with tempfile.TemporaryDirectory(prefix="template-") as name:
        folder = Path(name)
        git(folder, "init", "--quiet", "--bare")
        fetched = _run(["git", "-C", name, "fetch", "--quiet", "--depth=1", "--no-tags", url, revision], timeout)
        if fetched.returncode:
            raise UnreachableError(f"{url}: has no {revision} to read: {_reason(fetched.stderr)}")
        yield folder


def yanked(text: str) -> dict[str, str]:
    """The versions that the changelog marks as withdrawn, each with what stands behind the mark."""
    marks = ((match["version"], match["rest"].partition("[YANKED]")) for match in HEADING.finditer(text))
    return {version: rest.strip(" :-–—") for version, (_, mark, rest) in marks if mark}


def changes(text: str, after: str | None, until: str) -> str:
    """The changelog's sections of the versions above `after`, up to `until`, the newest first."""
    headings = list(HEADING.finditer(text))
    ends = [match.start() for match in headings[1:]] + [len(text)]
    parts = [
        text[match.start() : end].strip()
        for match, end in zip(headings, ends, strict=True)
        if match["version"][0].isdigit()
        and number(match["version"]) <= number(until)
        and (after is None or number(match["version"]) > number(after))
    ]
    return "\n\n".join(parts)


def fetch(url: str, *specs: str, timeout: float) -> str | None:
    """Fetch references into this repository; why that failed, or None."""
    done = _run(["git", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", url, *specs], timeout)
    return _reason(done.stderr) if done.returncode else None


def source_of(template: Template) -> str | None:
    """Where the template is fetched from; None where `.template.yaml` names no source."""
    return address(template.source) if template.source else None


def _run(command: list[str], timeout: float) -> "subprocess.CompletedProcess[str]":
    """Git on the network: it must ask for no password, and end in time."""
    environment = os.environ | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes"}
    try:
        return subprocess.run(
            command,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no answer within {timeout:g} s")
    except OSError:
        return subprocess.CompletedProcess(command, 127, "", "git is not installed or can't be run")


def _reason(stderr: str) -> str:
    lines = [line.removeprefix("fatal: ") for line in stderr.splitlines() if line.strip()]
    return lines[0] if lines else "git failed without a message"
