"""Where new rows come from: the files of the data that main does not have, their dates, and each source's share."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.figures import pluralized
from pipeline.markup.markdown import code, cut
from pipeline.review.comment.facts import Facts

MAX_NAMES = 3
DAY = re.compile(r"-(\d{4})(\d\d)(\d\d)T\d{6}Z-[0-9a-f]{8}\.parquet$")  # the newest row of a batch, in its name


def line(facts: Facts) -> str | None:
    """New and dropped files in one line; None where they are main's, or main's are unknown."""
    here, main = facts.bundle.json("source.json"), facts.context.main_source
    if here is None or not main:
        return None
    known, listed = _files(main), _files(here)
    new = [file for file in listed if file["sha256"] not in {one["sha256"] for one in known}]
    gone = [file for file in known if file["sha256"] not in {one["sha256"] for one in listed}]
    if not new and not gone:
        return None
    rest = [f"{pluralized(len(gone), 'file')} of main no longer used ({_named(gone)})"] if gone else []
    return " · ".join([*([_new(new, listed)] if new else []), *rest])


def _new(new: Sequence[Mapping[str, Any]], listed: Sequence[Mapping[str, Any]]) -> str:
    """The new files with the days of their newest rows, and how much of the data's bytes they are."""
    days = sorted("-".join(match.groups()) for file in new if (match := DAY.search(str(file["path"]))))
    dated = f", newest rows of {days[0]}" + (f" to {days[-1]}" if days[-1] != days[0] else "") if days else ""
    share = sum(int(file["size"]) for file in new) / max(1, sum(int(file["size"]) for file in listed))
    return f"from {pluralized(len(new), 'new file')} ({_named(new)}{dated}), {100 * share:.2g} % of the data’s bytes"


def _named(files: Sequence[Mapping[str, Any]]) -> str:
    names = ", ".join(code(cut(file["path"], 60)) for file in files[:MAX_NAMES])
    return names + (f" and {len(files) - MAX_NAMES:,} more" if len(files) > MAX_NAMES else "")


def _files(source: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*source["files"], *(source.get("added") or {"files": []})["files"]]
