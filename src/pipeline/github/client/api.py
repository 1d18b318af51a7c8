"""GitHub's REST API through `gh api`: responses as data, refusals as one line that says what to do."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.core.errors import PipelineError
from pipeline.core.git import git
from pipeline.github.client import refusals
from pipeline.github.client.refusals import RefusedError

TIMEOUT = 30  # seconds for one call
DOWNLOAD_TIMEOUT = 300
RETRY_DELAYS = (1.0, 2.0, 4.0)  # seconds between the tries
MAX_DELAY = 60.0  # seconds of waiting in all
PER_PAGE = 100
RETRIED = frozenset({0, 429, 500, 502, 503, 504})  # 0: no response at all


@dataclass(frozen=True)
class Response:
    """A response of GitHub; status 0 where there was none, with the reason as the data's `message`."""

    status: int
    headers: Mapping[str, str]
    data: Any


def repository() -> str:
    """owner/name of the repository that the workflow runs in, or that the clone came from; PipelineError without."""
    name = os.environ.get("GITHUB_REPOSITORY") or _of_clone()
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise PipelineError(
            "GITHUB_REPOSITORY: is not set to owner/name, and git's remote `origin` is no repository of "
            f"{server()}; run this in a clone of it or in its workflow"
        )
    return name


def _of_clone() -> str:
    """owner/name of git's remote `origin`, by https or SSH; empty where it is on another server."""
    url = git(Path(), "remote", "get-url", "origin").stdout.strip()
    host = re.escape(urlsplit(server()).netloc)
    match = re.fullmatch(rf"(?:https://|ssh://)?(?:[^@/]+@)?{host}[:/](.+?)(?:\.git)?/?", url)
    return match[1] if match else ""


def server() -> str:
    """The address of the GitHub that the workflow runs on."""
    return os.environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")


def call(
    method: str, path: str, body: Any = None, *, purpose: str, retry: bool = True, token: str | None = None
) -> Any:
    """The response to one call under repos/OWNER/NAME/, or to /PATH; RefusedError, with `purpose`, where it fails.

    `retry` repeats a call whose outcome is unknown; False where it must not happen twice. The purpose is a verb phrase.
    `token` replaces the workflow's own.
    """
    waited = 0.0
    for delay in (*RETRY_DELAYS, None):
        response = _request(method, path, body, token)
        if 200 <= response.status < 300:
            return response.data
        pause = _retry_delay(response, delay, retry)
        if pause is None or waited + pause > MAX_DELAY:
            break
        time.sleep(pause)
        waited += pause
    raise refusals.explain(method, path, purpose, response.status, response.headers, response.data)


def pages(path: str, *, purpose: str, key: str | None = None, limit: int = 50) -> Iterator[Any]:
    """The items of a list, from at most `limit` pages; `key` names the list where the response is a mapping."""
    separator = "&" if "?" in path else "?"
    for page in range(1, limit + 1):
        data = call("GET", f"{path}{separator}per_page={PER_PAGE}&page={page}", purpose=purpose)
        items = data[key] if key else data
        yield from items
        if len(items) < PER_PAGE:
            return


def download(path: str, target: Path, limit: int, *, purpose: str) -> None:
    """Save the body of the response, at most `limit` bytes; RefusedError or PipelineError where that is impossible."""
    for delay in (*RETRY_DELAYS, None):
        status, message = _save(path, target, limit)
        if status == 200:
            return
        if status not in RETRIED or delay is None:
            break
        time.sleep(delay)
    raise refusals.explain("GET", path, purpose, status, {}, {"message": message})


def _retry_delay(response: Response, delay: float | None, retry: bool) -> float | None:
    """Seconds until the next try; None where there is none."""
    limited = response.status in {403, 429} and ("retry-after" in response.headers or refusals.limited(response.data))
    if delay is None or not (limited or (retry and response.status in RETRIED)):
        return None
    retry_after = response.headers.get("retry-after", "")
    return max(delay, float(retry_after)) if retry_after.isdigit() else delay


def _request(method: str, path: str, body: Any, token: str | None) -> Response:
    options = ["--include", "--method", method] + (["--input", "-"] if body is not None else [])
    content = None if body is None else json.dumps(body).encode()
    try:
        completed = subprocess.run(
            _command(path, options),
            input=content,
            env=_environment(token),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Response(0, {}, {"message": f"no response within {TIMEOUT} s"})
    except OSError:
        raise _gh_missing() from None
    return _parse(completed.stdout) or Response(0, {}, {"message": _first_line(completed.stderr)})


def _parse(output: bytes) -> Response | None:
    """Status line, headers, an empty line and the body, as `gh api --include` prints them."""
    head, _, body = output.replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head.decode(errors="replace").splitlines()
    status_line = re.match(r"HTTP/\S+ (\d{3})", lines[0]) if lines else None
    if not status_line:
        return None
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    try:
        data = json.loads(body) if body.strip() else None
    except ValueError:
        data = {"message": body[:200].decode(errors="replace")}
    return Response(int(status_line[1]), headers, data)


def _save(path: str, target: Path, limit: int) -> tuple[int, str]:
    """Status of the download, and what gh printed where it failed."""
    command = _command(path, [])
    try:
        with (
            target.open("wb") as out,
            subprocess.Popen(command, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program,
        ):
            try:
                size = _copy(program, out, limit)
                _, stderr = program.communicate(timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                return 0, f"the download did not end within {DOWNLOAD_TIMEOUT} s"
            finally:
                program.kill()
    except FileNotFoundError:
        raise _gh_missing() from None
    if size > limit:
        raise PipelineError(f"{path}: is larger than {limit:,} bytes; it was not downloaded")
    if program.returncode == 0:
        return 200, ""
    status = re.search(rb"\(HTTP (\d{3})\)", stderr)
    return int(status[1]) if status else 0, _first_line(stderr)


def _copy(program: "subprocess.Popen[bytes]", out: Any, limit: int) -> int:
    """Copy the program's output to the file; the number of bytes. More than `limit` end the program."""
    assert program.stdout is not None
    end, size = time.monotonic() + DOWNLOAD_TIMEOUT, 0
    while size <= limit and (chunk := program.stdout.read1(1 << 20)):  # type: ignore[attr-defined]
        size += len(chunk)
        out.write(chunk)
        if time.monotonic() > end:
            raise subprocess.TimeoutExpired(program.args, DOWNLOAD_TIMEOUT)
    if size > limit:
        program.kill()
    return size


def _command(path: str, options: list[str]) -> list[str]:
    whole = path[1:] if path.startswith("/") else f"repos/{repository()}/{path}".rstrip("/")
    return ["gh", "api", *options, whole]


def _environment(token: str | None = None) -> dict[str, str]:
    """This process's environment, with the token (default: the workflow's) under the names that gh reads."""
    token = token or os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN", "")
    quiet = {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1", "DO_NOT_TRACK": "1"}
    tokens = {"GH_TOKEN": token, "GH_ENTERPRISE_TOKEN": token} if token else {}
    inherited = {key: value for key, value in os.environ.items() if key not in {"GH_DEBUG", "GH_FORCE_TTY"}}
    return inherited | quiet | tokens | {"GH_HOST": urlsplit(server()).netloc}


def _gh_missing() -> PipelineError:
    return PipelineError("gh: is not on the PATH; install GitHub's command line (https://cli.github.com)")


def _first_line(text: bytes) -> str:
    return next((line for line in text.decode(errors="replace").splitlines() if line.strip()), "no response")


__all__ = ["RefusedError", "call", "download", "pages", "repository", "server"]
