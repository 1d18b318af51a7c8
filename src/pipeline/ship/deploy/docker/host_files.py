"""Work on a deployment's volumes, in a container on the host: one call as JSON on standard input, its answer on output.

Standard library only. Its container has the lock's name, so no deployment is under way meanwhile.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

STATE, LOGS = Path("/state"), Path("/logs")
DAY = 86_400.0  # seconds
FIRST = ("ledger.jsonl", "haproxy.cfg")  # in a backup: what names a release is read before the releases


def state() -> dict[str, str]:
    """The text of each file of the state."""
    rest = sorted(path.relative_to(STATE).as_posix() for path in STATE.rglob("*") if path.is_file())
    names = [name for name in dict.fromkeys((*FIRST, *rest)) if (STATE / name).is_file() and not name.endswith(".part")]
    return {name: (STATE / name).read_text(encoding="utf-8") for name in names}


def forget(code: str, ids: list[str], derived: "int | None", rows: list[Any], apply: bool) -> dict[str, int]:
    """How many rows of the log, and golden rows of the releases' records, are the person's in each file."""
    tools: dict[str, Any] = {"__name__": "erasure"}
    exec(code, tools)  # noqa: S102  # pipeline.predictions.erasure, which the image need not have
    matches, found = tools["matcher"](ids, derived), dict[str, int]()
    for path in sorted(LOGS.rglob("*.jsonl*")):
        if path.is_file() and path.name.endswith((".jsonl", ".jsonl.gz")) and not path.name.startswith("."):
            found[str(path)] = tools["erase"](str(path), matches, apply=apply)
    for path in sorted((STATE / "releases").glob("*.json")):
        release = json.loads(path.read_text(encoding="utf-8"))
        kept = [entry for entry in release["golden"] if entry.get("row") not in rows]
        found[str(path)] = len(release["golden"]) - len(kept)
        if found[str(path)] and apply:
            _replace(path, json.dumps(release | {"golden": kept}))
    return {name: count for name, count in found.items() if count}


def log_folders() -> dict[str, list[float]]:
    """[bytes, days since the last row] of each release's folder of the log."""
    now = time.time()
    folders = dict[str, list[float]]()
    for folder in sorted(path for path in LOGS.iterdir() if path.is_dir()):
        files = [path.stat() for path in folder.rglob("*") if path.is_file()]
        newest = max((file.st_mtime for file in files), default=folder.stat().st_mtime)
        folders[folder.name] = [float(sum(file.st_size for file in files)), (now - newest) / DAY]
    return folders


def old_files(folder: str, days: float) -> list[str]:
    """The files of a folder of the log whose last row is older than that."""
    oldest = time.time() - days * DAY
    return [path.name for path in sorted((LOGS / folder).glob("*")) if path.is_file() and path.stat().st_mtime < oldest]


def remove_folder(folder: str) -> None:
    shutil.rmtree(LOGS / folder)


def remove_files(folder: str, names: list[str]) -> None:
    for name in names:
        (LOGS / folder / name).unlink(missing_ok=True)


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(part, path)


def main() -> None:
    functions = (state, forget, log_folders, old_files, remove_folder, remove_files)
    calls: dict[str, Any] = {function.__name__: function for function in functions}
    answers = list[Any]()
    for name, arguments in json.load(sys.stdin):
        try:
            answers.append({"value": calls[name](*arguments)})
        except Exception as error:
            answers.append({"error": f"{getattr(error, 'filename', None) or name}: {error}"})
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
