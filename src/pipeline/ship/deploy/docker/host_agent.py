"""The deployer's hand on the host. It runs alone in a container there (standard library only), and takes JSON lines.

Its container's name is the lock: it ends when nothing is said to it for a while, or its standard input closes.
"""

import http.client
import json
import os
import select
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

SILENCE = 20.0  # seconds without a word from the deployer
STATE, LOGS, SOCKET = Path("/state"), Path("/logs"), "/run/proxy/admin.sock"
offsets: dict[Path, int] = {}
seen: list[str] = []
guard = threading.Lock()


def proxy(command: str) -> str:
    """The answer of the proxy's admin socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(SOCKET)
        connection.sendall(command.encode() + b"\n")
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def watch() -> None:
    """Gather the proxy's line for each request, also over its restarts."""
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(SOCKET)
                connection.sendall(b"show events requests -w -n\n")
                with connection.makefile(encoding="utf-8", errors="replace") as lines:
                    for line in lines:
                        with guard:
                            seen.append(line.rstrip("\n"))
        except OSError:
            pass
        time.sleep(0.2)


def requests() -> list[str]:
    """The proxy's lines since the last call."""
    with guard:
        told, seen[:] = seen[:], []
    return told


def ask(host: str, port: int, method: str, path: str, bodies: list[Any], seconds: float) -> list[Any]:
    """[status, body, milliseconds] for each body, until the seconds are over or one had no answer (status 0)."""
    end, told = time.monotonic() + seconds, list[Any]()
    headers = {"content-type": "application/json", "x-pipeline-replay": "1"}
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    for body in bodies:
        began = time.monotonic()
        if began > end:
            break
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            status, text = 0, str(error) or type(error).__name__
        told.append([status, text, (time.monotonic() - began) * 1000])
        if status == 0:
            break
    connection.close()
    return told


def recent(release: str, limit: int) -> list[str]:
    """The newest logged lines of a release, oldest first."""
    lines = list[str]()
    for path in reversed(_logs(release)):
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - 4_000_000))
            lines = [*_split(stream.read())[1 if stream.tell() > 4_000_000 else 0 :], *lines]
        if len(lines) >= limit:
            break
    return lines[-limit:] if limit else []


def fresh(release: str) -> list[str]:
    """The whole lines that a release has logged since the last call; the first call answers none."""
    known, lines = any(path.parent.name == release for path in offsets), list[str]()
    offsets.setdefault(LOGS / release / "-", 0)
    for path in _logs(release):
        start = offsets.get(path, 0 if known else path.stat().st_size)
        with path.open("rb") as stream:
            stream.seek(start)
            block = stream.read(4_000_000)
        whole = block[: block.rfind(b"\n") + 1]
        offsets[path] = start + len(whole)
        lines += _split(whole)
    return lines


def _split(block: bytes) -> list[str]:
    """Its lines; JSON text may hold the other characters that `splitlines` would end one at."""
    return [line for line in block.decode(errors="replace").split("\n") if line]


def _logs(release: str) -> list[Path]:
    return sorted((LOGS / release).glob("*.jsonl"), key=lambda path: path.stat().st_mtime)


def read(name: str) -> str | None:
    path = STATE / name
    return path.read_text(encoding="utf-8") if path.is_file() else None


def write(name: str, text: str) -> None:
    """Replace a file in one step; the disk has it before the old one is gone."""
    (STATE / name).parent.mkdir(parents=True, exist_ok=True)
    part = STATE / f"{name}.part"
    with part.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(part, STATE / name)


def append(name: str, line: str) -> None:
    """Add a line; one that was cut before it stays a line of its own."""
    path = STATE / name
    cut = path.is_file() and not path.read_bytes().endswith((b"\n",)) and path.stat().st_size > 0
    with path.open("a", encoding="utf-8") as stream:
        stream.write(("\n" if cut else "") + line + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def ping() -> None:
    """A word, so that the deployer is known to be there."""


def prepare() -> None:
    """Folders that containers without rights may write to."""
    for folder in (LOGS, Path(SOCKET).parent):
        folder.chmod(0o1777)
    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    prepare()
    known = (proxy, requests, ask, recent, fresh, read, write, append, ping)
    calls: dict[str, Any] = {call.__name__: call for call in known}
    pending = b""
    while select.select([0], [], [], SILENCE)[0] and (block := os.read(0, 1 << 20)):
        *lines, pending = (pending + block).split(b"\n")
        for line in lines:
            number, name, arguments = json.loads(line)
            try:
                answer = {"value": calls[name](*arguments)}
            except Exception as error:
                answer = {"error": str(error) or type(error).__name__}
            sys.stdout.write(json.dumps(answer | {"number": number}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
