"""A stand-in for GitHub: the API that the workflows call, over https, checked against openapi.json.

In a test: `with StandIn(state) as github:` (`github.environment(token)` points gh and CML at it).
As a process: `python -m tests.pipeline.github.standin --port 0 --state FILE [--git DIR] [--ready FILE]`.
It prints, and writes to the ready file, one line of JSON: {"url": "https://127.0.0.1:PORT", "certificate": PATH}.
It ends with SIGTERM.

State (JSON; all keys but `repository` may be absent):
  repository: "owner/name"; default_branch: "main"; user: {login, type} (the token's owner)
  pulls: [{number, title, state, user: LOGIN, labels: [NAME], head: {ref, sha, repo: "owner/name"|null}, base: {ref},
    body, merged_at, merge_commit_sha}]
  comments: [{issue, user: {login, type}, body}]       issues: [{number, title, state, labels: [NAME], body, user}]
  may_open_pulls: false (the workflow's token may open no pull request)
  statuses: [{sha, state, context, description, target_url, creator: LOGIN (default: the token's owner)}] (the last one
    of a context counts)
  tokens: {TOKEN: {user: {login, type}, permissions: {statuses: write, …}}} (of Apps; any other token may do all)
  runs: [{id, head_sha, head_branch, head_repository: "owner/name"|null, event, path, status, conclusion, run_attempt,
    run_number, run_started_at, display_title, triggering_actor: {login}}]
  jobs: [{run, name, status, conclusion, labels}]      permissions: {LOGIN: admin|maintain|write|read|none}
  artifacts: [{id, run, name, file: PATH of a zip or a folder, expired, head_sha, size_in_bytes, created_at}]
  deployments: [{id, ref, environment, payload}]   workflows: {NAME: {state, created_at}|null}
  deployment_statuses: [{deployment, state, description, created_at}]
  events: [{issue, event, actor: LOGIN, label, created_at}]
  rulesets: [as GitHub takes them]   environments: {NAME: {branches: {ID: PATTERN}|null}}   apps: {NAME: ID}
  settings (Actions, variables, secrets, runners, labels, Pages, packages): as settings_routes.py says
  visibility: public|private|internal; plan: free|pro|team (what it has depends on both)
  commits: {SHA: {message, parents: [SHA], tree: {PATH: BLOB SHA}, tree_sha}}   refs: {"heads/NAME": SHA}
With --git DIR commits and refs that the state lacks are read from that repository.

Control (without a token): GET /_state: the state, with `calls` [{method, path, query, body, status}], `dispatches`
[{workflow, ref, inputs}] and `violations` (sentences; must stay empty). POST /_state: replaces the keys that it names.
POST /_misbehave: [{method, path: regular expression on the path behind repos/O/N/, status, times (default 1; null:
always), headers, body, slow: seconds before the response, done: true (do it, then respond with the fault)}];
[] ends all misbehaviour.
"""

import argparse
import atexit
import functools
import ipaddress
import json
import os
import re
import shutil
import signal
import ssl
import sys
import tempfile
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.pipeline.github import (
    action_routes,
    deployment_routes,
    git_routes,
    issue_routes,
    protection_routes,
    pull_routes,
    settings_routes,
)
from tests.pipeline.github.contract import Contract
from tests.pipeline.github.hub import Fault, Hub

ADDRESS = "127.0.0.1"


class StandIn:
    """The server, in a thread of this process."""

    def __init__(self, state: dict[str, Any], port: int = 0, git: Path | None = None) -> None:
        modules = (
            *(issue_routes, action_routes, git_routes, deployment_routes, pull_routes),
            *(protection_routes, settings_routes),
        )
        self.hub = Hub(state, git, [route for module in modules for route in module.ROUTES])
        self.contract = Contract.read()
        self.certificate, key = make_certificate()
        self.server = Server((ADDRESS, port), self)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://{ADDRESS}:{self.server.server_address[1]}"

    def __enter__(self) -> "StandIn":
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def state(self) -> dict[str, Any]:
        return self.hub.state

    def misbehave(self, method: str, path: str, **options: Any) -> None:
        self.hub.faults.append(Fault({"method": method, "path": path} | options))

    def calls(self, method: str, path: str = "") -> list[dict[str, Any]]:
        """The requests, by method and a regular expression on the path."""
        return [call for call in self.state["calls"] if call["method"] == method and re.search(path, call["path"])]

    def environment(self, token: str = "t0ken") -> dict[str, str]:  # noqa: S107
        """The environment of a workflow's step, with the certificate for gh and CML to trust."""
        return {
            "GITHUB_REPOSITORY": self.state["repository"],
            "GITHUB_SERVER_URL": self.url,
            "GITHUB_API_URL": f"{self.url}/api/v3",
            "GITHUB_TOKEN": token,
            "SSL_CERT_FILE": str(self.certificate),
            # A third less for each of thousands of calls of gh: it reads no other certificates and frees no memory.
            "SSL_CERT_DIR": str(Path(self.certificate).parent),
            "GOGC": "800",
            "NODE_EXTRA_CA_CERTS": str(self.certificate),
        }


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], standin: StandIn) -> None:
        super().__init__(address, Handler)
        self.standin = standin

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that hung up; anything else is a bug of the stand-in."""
        problem = sys.exc_info()[1]
        if not isinstance(problem, OSError):
            self.standin.state["violations"].append(f"stand-in: {type(problem).__name__}: {problem}")
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None: ...

    def _serve(self) -> None:
        content = self._content()
        parts = urlsplit(self.path)
        path = unquote(parts.path).removeprefix("/api/v3")
        if path in {"/_state", "/_misbehave"}:
            return self._control(path, content)
        if path.startswith("/_download/"):
            return self._send(200, {"Content-Type": "application/zip"}, self.server.standin.hub.zip(path))
        return self._call(path, dict(parse_qsl(parts.query)), content)

    def _content(self) -> bytes:
        """The body; gh sends what it reads from a pipe in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _control(self, path: str, content: bytes) -> None:
        hub = self.server.standin.hub
        if self.command == "POST" and path == "/_state":
            hub.update(json.loads(content))
        elif self.command == "POST":
            faults = json.loads(content)
            hub.faults = [*hub.faults, *map(Fault, faults)] if faults else []
        self._json(200, {}, hub.state)

    def _call(self, path: str, query: dict[str, str], content: bytes) -> None:
        standin = self.server.standin
        body = json.loads(content) if content else None
        prefix = f"/repos/{standin.state['repository']}"
        route = path.removeprefix(prefix).removeprefix("/")
        call = {"method": self.command, "path": route, "query": query, "body": body}
        fault = standin.hub.fault(self.command, route)
        if fault:
            time.sleep(fault.slow)
        status, headers, data = 401, dict[str, str](), {"message": "Requires authentication"}
        template = standin.contract.template(self.command, path)
        if self.headers.get("Authorization") and not (fault and fault.status and not fault.done):
            standin.contract.check_request(self.command, path, query, content, template, standin.state["violations"])
            with standin.hub.lock:
                token = self.headers["Authorization"].split()[-1]
                status, headers, data = standin.hub.answer(self.command, route, query, body, standin.url, token)
            data = standin.contract.complete(self.command, template, status, data, headers, standin.state["violations"])
        if fault and fault.status:
            status, headers, data = fault.status, fault.headers, fault.body
        standin.state["calls"].append(call | {"status": status})
        self._json(status, headers, data)

    def _json(self, status: int, headers: dict[str, str], data: Any) -> None:
        content = b"" if data is None else json.dumps(data).encode()
        self._send(status, headers | {"Content-Type": "application/json; charset=utf-8"}, content)

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@functools.cache
def make_certificate() -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and localhost that is valid on any date, and its key: one per process."""
    folder = Path(tempfile.mkdtemp(prefix="standin-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    private_key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=localhost")
    hosts = [x509.IPAddress(ipaddress.ip_address(ADDRESS)), x509.DNSName("localhost")]
    signed = (
        x509.CertificateBuilder(name, name, private_key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2000, 1, 1))
        .not_valid_after(datetime(2100, 1, 1))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private_key, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    key.write_bytes(private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, key


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--git", type=Path)
    parser.add_argument("--ready", type=Path)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with StandIn(json.loads(options.state.read_text()), options.port, options.git) as standin:
        line = json.dumps({"url": standin.url, "certificate": str(standin.certificate)})
        if options.ready:
            temporary = options.ready.with_suffix(".tmp")
            temporary.write_text(line)
            os.replace(temporary, options.ready)
        print(line, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
