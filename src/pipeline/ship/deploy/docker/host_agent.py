"""The deployer's agent on the host: a container of its own (standard library only) that takes calls as JSON lines.

Its container's name is the lock: it exits after `TIMEOUT` seconds without a call, or when its standard input closes.
"""

import http.client
import json
import os
import select
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

TIMEOUT = 20.0  # seconds without a call from the deployer
STATE, LOGS, RUN = Path("/state"), Path("/logs"), Path("/run/proxy")
offsets: dict[Path, int] = {}
waiting: list[str] = []
lock = threading.Lock()


def proxy(command: str, name: str = "admin.sock") -> str:
    """The answer of an admin socket of the proxy: the balancer's, or the one with that name."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(RUN / name))
            connection.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise OSError(f"does not answer; it was stopped or killed ({reason})") from None


def collect_requests() -> None:
    """Collect the proxy's line for each request, also across its restarts."""
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(RUN / "admin.sock"))
                connection.sendall(b"show events requests -w -n\n")
                with connection.makefile(encoding="utf-8", errors="replace") as lines:
                    for line in lines:
                        with lock:
                            waiting.append(line.rstrip("\n"))
        except OSError:
            pass
        time.sleep(0.2)


def request_lines() -> list[str]:
    """The proxy's lines since the last call."""
    with lock:
        lines, waiting[:] = waiting[:], []
    return lines


def send(
    host: str, port: int, method: str, path: str, bodies: list[Any], timeout: float, tls: bool = False
) -> list[Any]:
    """[status, text, milliseconds] for each body, until `timeout` seconds are over or one has no answer (status 0).

    `tls`: by TLS, whatever name the certificate has: it is not the host's name in this network.
    """
    end, answers = time.monotonic() + timeout, list[Any]()
    headers = {"content-type": "application/json", "x-pipeline-replay": "1"}
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    for body in bodies:
        started = time.monotonic()
        if started > end:
            break
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            status, text = response.status, response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            status, text = 0, str(error) or type(error).__name__
        answers.append([status, text, (time.monotonic() - started) * 1000])
        if status == 0:
            break
    connection.close()
    return answers


def recent_lines(release: str, limit: int) -> list[str]:
    """The newest logged lines of a release, oldest first."""
    lines = list[str]()
    for path in reversed(_logs(release)):
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - 4_000_000))
            lines = [*_split(stream.read())[1 if stream.tell() > 4_000_000 else 0 :], *lines]
        if len(lines) >= limit:
            break
    return lines[-limit:] if limit else []


def new_lines(release: str) -> list[str]:
    """The complete lines that a release has logged since the last call; the first call returns none."""
    is_known, lines = any(path.parent.name == release for path in offsets), list[str]()
    offsets.setdefault(LOGS / release / "-", 0)
    for path in _logs(release):
        start = offsets.get(path, 0 if is_known else path.stat().st_size)
        with path.open("rb") as stream:
            stream.seek(start)
            chunk = stream.read(4_000_000)
        complete = chunk[: chunk.rfind(b"\n") + 1]
        offsets[path] = start + len(complete)
        lines += _split(complete)
    return lines


def _split(chunk: bytes) -> list[str]:
    """The lines of a chunk; `splitlines` would also split at other characters, which JSON text may hold."""
    return [line for line in chunk.decode(errors="replace").split("\n") if line]


def _logs(release: str) -> list[Path]:
    return sorted((LOGS / release).glob("*.jsonl"), key=lambda path: path.stat().st_mtime)


def read(name: str) -> str | None:
    path = STATE / name
    return path.read_text(encoding="utf-8") if path.is_file() else None


def size(name: str) -> int:
    """Bytes of a file; 0 where there is none."""
    path = STATE / name
    return path.stat().st_size if path.is_file() else 0


def write(name: str, text: str, durable: bool = True) -> None:
    """Replace a file atomically; a durable one once it is on the disk."""
    (STATE / name).parent.mkdir(parents=True, exist_ok=True)
    part = STATE / f"{name}.part"
    with part.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        if durable:
            os.fsync(stream.fileno())
    os.replace(part, STATE / name)


def append(name: str, line: str) -> None:
    """Add a line; a truncated line before it stays a line of its own."""
    path = STATE / name
    truncated = path.is_file() and not path.read_bytes().endswith((b"\n",)) and path.stat().st_size > 0
    with path.open("a", encoding="utf-8") as stream:
        stream.write(("\n" if truncated else "") + line + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def ping() -> None:
    """Show that the deployer is still connected."""


def prepare() -> None:
    """Folders that containers without rights may write to."""
    for folder in (LOGS, RUN):
        folder.chmod(0o1777)
    threading.Thread(target=collect_requests, daemon=True).start()


def main() -> None:
    prepare()
    functions = (proxy, request_lines, send, recent_lines, new_lines, read, size, write, append, ping)
    calls: dict[str, Any] = {function.__name__: function for function in functions}
    pending = b""
    while select.select([0], [], [], TIMEOUT)[0] and (chunk := os.read(0, 1 << 20)):
        *lines, pending = (pending + chunk).split(b"\n")
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
