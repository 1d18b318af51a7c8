"""GitHub's REST API by way of `gh api`: answers as data, refusals as one line that says what to do."""

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
from pipeline.github.client import refusals
from pipeline.github.client.refusals import RefusedError

TIMEOUT = 30  # seconds for one call
DOWNLOAD_TIMEOUT = 300
WAITS = (1.0, 2.0, 4.0)  # seconds between the tries
LONGEST = 60.0  # seconds of waiting in all
PER_PAGE = 100
BUSY = frozenset({0, 429, 500, 502, 503, 504})  # 0: no answer at all


@dataclass(frozen=True)
class Answer:
    """What GitHub answered; status 0 where it did not, with the reason as the data's `message`."""

    status: int
    headers: Mapping[str, str]
    data: Any


def repository() -> str:
    """owner/name of the repository that the workflow runs in; PipelineError outside a workflow."""
    name = os.environ.get("GITHUB_REPOSITORY", "")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise PipelineError("GITHUB_REPOSITORY: is not set to owner/name; this command runs in a GitHub workflow")
    return name


def server() -> str:
    """The address of the GitHub that the workflow runs on."""
    return os.environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")


def call(method: str, path: str, body: Any = None, *, to: str, again: bool = True) -> Any:
    """The answer to one call under repos/OWNER/NAME/. `to` says for people what it is for; RefusedError where it fails.

    `again` tries once more where the outcome of the first try is unknown: not for what must not happen twice.
    """
    waited = 0.0
    for wait in (*WAITS, None):
        answer = _ask(method, path, body)
        if 200 <= answer.status < 300:
            return answer.data
        pause = _pause(answer, wait, again)
        if pause is None or waited + pause > LONGEST:
            break
        time.sleep(pause)
        waited += pause
    raise refusals.explain(method, path, to, answer.status, answer.headers, answer.data)


def pages(path: str, *, to: str, key: str | None = None, limit: int = 50) -> Iterator[Any]:
    """The items of a list, page by page, at most `limit` pages; `key` names the list in an answer that is a mapping."""
    joint = "&" if "?" in path else "?"
    for page in range(1, limit + 1):
        data = call("GET", f"{path}{joint}per_page={PER_PAGE}&page={page}", to=to)
        items = data[key] if key else data
        yield from items
        if len(items) < PER_PAGE:
            return


def download(path: str, target: Path, limit: int, *, to: str) -> None:
    """Save what the call answers, at most `limit` bytes; RefusedError or PipelineError where that can't be."""
    for wait in (*WAITS, None):
        status, told = _save(path, target, limit)
        if status == 200:
            return
        if status not in BUSY or wait is None:
            break
        time.sleep(wait)
    raise refusals.explain("GET", path, to, status, {}, {"message": told})


def _pause(answer: Answer, wait: float | None, again: bool) -> float | None:
    """Seconds until the next try; None where there is none."""
    limited = answer.status in {403, 429} and ("retry-after" in answer.headers or refusals.limited(answer.data))
    if wait is None or not (limited or (again and answer.status in BUSY)):
        return None
    told = answer.headers.get("retry-after", "")
    return max(wait, float(told)) if told.isdigit() else wait


def _ask(method: str, path: str, body: Any) -> Answer:
    options = ["--include", "--method", method] + (["--input", "-"] if body is not None else [])
    sent = None if body is None else json.dumps(body).encode()
    try:
        done = subprocess.run(
            _command(path, options), input=sent, env=_environment(), capture_output=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return Answer(0, {}, {"message": f"no answer within {TIMEOUT} s"})
    except OSError:
        raise _missing() from None
    return _parse(done.stdout) or Answer(0, {}, {"message": _line(done.stderr)})


def _parse(output: bytes) -> Answer | None:
    """Status line, headers, an empty line and the body, as `gh api --include` prints them."""
    head, _, body = output.replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head.decode(errors="replace").splitlines()
    found = re.match(r"HTTP/\S+ (\d{3})", lines[0]) if lines else None
    if not found:
        return None
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    try:
        data = json.loads(body) if body.strip() else None
    except ValueError:
        data = {"message": body[:200].decode(errors="replace")}
    return Answer(int(found[1]), headers, data)


def _save(path: str, target: Path, limit: int) -> tuple[int, str]:
    command = _command(path, [])
    try:
        with (
            target.open("wb") as out,
            subprocess.Popen(command, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program,
        ):
            try:
                size = _copy(program, out, limit)
                _, told = program.communicate(timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                return 0, f"the download did not end within {DOWNLOAD_TIMEOUT} s"
            finally:
                program.kill()
    except FileNotFoundError:
        raise _missing() from None
    if size > limit:
        raise PipelineError(f"{path}: is larger than {limit:,} bytes; it was not downloaded")
    if program.returncode == 0:
        return 200, ""
    status = re.search(rb"\(HTTP (\d{3})\)", told)
    return int(status[1]) if status else 0, _line(told)


def _copy(program: "subprocess.Popen[bytes]", out: Any, limit: int) -> int:
    """Bytes copied from the program's output to the file: the first that are too many end it."""
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
    return ["gh", "api", *options, f"repos/{repository()}/{path}".rstrip("/")]


def _environment() -> dict[str, str]:
    """Ours, with the workflow's token under the names that gh reads it from."""
    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN", "")
    quiet = {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1", "DO_NOT_TRACK": "1"}
    tokens = {"GH_TOKEN": token, "GH_ENTERPRISE_TOKEN": token} if token else {}
    kept = {key: value for key, value in os.environ.items() if key not in {"GH_DEBUG", "GH_FORCE_TTY"}}
    return kept | quiet | tokens | {"GH_HOST": urlsplit(server()).netloc}


def _missing() -> PipelineError:
    return PipelineError("gh: is not on the PATH; install GitHub's command line (https://cli.github.com)")


def _line(text: bytes) -> str:
    return next((line for line in text.decode(errors="replace").splitlines() if line.strip()), "no answer")


__all__ = ["RefusedError", "call", "download", "pages", "repository", "server"]
