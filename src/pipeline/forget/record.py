"""What was removed when and by whom, as a line of data/forgotten.jsonl: whose rows they were stands nowhere.

Neither does a hash of the key: keys are few, so whoever has the hash can try them all.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipeline.core.errors import PipelineError
from pipeline.core.files import reason
from pipeline.forget.places import Found

PATH = Path("data/forgotten.jsonl")
FORMAT = 1  # of a line


def append(found: Sequence[Found], asked: str, user: str, unreached: int, path: Path = PATH) -> None:
    """Add a line: `asked` is key or id, `unreached` counts the places that the command could not clean."""
    rows = Counter[str]()
    for item in found:
        rows[item.kind] += item.rows
    content = {
        "format": FORMAT,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "by": user,
        "asked": asked,
        "rows": dict(sorted(rows.items())),
        "files": len(found),
        "unreached": unreached,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(content) + "\n")
    except OSError as error:
        raise PipelineError(f"{path}: can't be written: {reason(error)}; the rows are removed") from None
