"""Folders of files, here or in a store that fsspec opens: what is there, and a new file that is there whole or not."""

import glob
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.data.source import sources

WILD = "*?["


def matching(pattern: str, knob: str) -> list[str]:
    """The files that a path, a glob or a URL names, sorted; `knob` is who named it. fsspec's own errors."""
    if not sources.is_remote(pattern):
        found = glob.glob(str(sources.local(pattern)), recursive=True)
        return sorted(Path(name).as_posix() for name in found if Path(name).is_file())
    if urlsplit(pattern).password:
        raise PipelineError(f"{knob}: holds a password; take it out, name it by the environment")
    system, path = sources.filesystem(pattern, knob)
    system.invalidate_cache()
    if not any(sign in path for sign in WILD):
        return [pattern]
    return sorted(system.unstrip_protocol(name) for name in system.glob(path) if not name.endswith("/"))


def put(file: Path, path: str, knob: str) -> None:
    """Copy a file of this machine to a path or URL, where it replaces what is there; PipelineError where it can't."""
    if not sources.is_remote(path):
        with files.replacing(sources.local(path)) as temporary:
            shutil.copyfile(file, temporary)
        return
    system, inside = sources.filesystem(path, knob)
    try:
        with system.transaction:  # a store that would show half a file shows it when it is whole
            system.put_file(str(file), inside)
    except Exception as error:  # fsspec's plug-ins raise what they like
        raise PipelineError(f"{knob}: {path}: can't be written: {sources.reason(error)}") from None
