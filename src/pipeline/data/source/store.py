"""Folders of files, local or in a store that fsspec opens: listing them, and adding a file in one step."""

import glob
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.data.source import sources


def matching(pattern: str, knob: str) -> list[str]:
    """The files that a path, a glob or a URL names, sorted; `knob`: the parameter with it. Errors are fsspec's."""
    if not sources.is_remote(pattern):
        names = glob.glob(str(sources.local(pattern)), recursive=True)
        return sorted(Path(name).as_posix() for name in names if Path(name).is_file())
    if urlsplit(pattern).password:
        raise PipelineError(f"{knob}: holds a password; remove it, and set it in the environment")
    system, path = sources.filesystem(pattern, knob)
    system.invalidate_cache()
    if not any(char in path for char in sources.WILDCARDS):
        return [pattern]
    return sorted(system.unstrip_protocol(name) for name in system.glob(path) if not name.endswith("/"))


def put(file: Path, path: str, knob: str) -> None:
    """Copy a local file to a path or URL, replacing a file of that name; PipelineError where that fails."""
    if not sources.is_remote(path):
        with files.replacing(sources.local(path)) as temporary:
            shutil.copyfile(file, temporary)
        return
    system, path_in_store = sources.filesystem(path, knob)
    try:
        with system.transaction:  # a store where an incomplete file would be visible shows it when it is complete
            system.put_file(str(file), path_in_store)
    except Exception as error:  # each fsspec plug-in has errors of its own
        raise PipelineError(f"{knob}: {path}: can't be written: {sources.reason(error)}") from None
