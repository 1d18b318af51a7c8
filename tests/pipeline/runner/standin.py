"""A stand-in for the part of GitHub that the registrar calls; calls are checked against GitHub's own description."""

import base64
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

DESCRIPTION = Path(__file__).parents[1] / "github/openapi.json"
REPOSITORY = "octo/model"
TOKEN = "installation-token"  # noqa: S105 - not a real one
APP_ID = "4711"


@cache
def description() -> OpenAPI:
    return OpenAPI.from_file_path(str(DESCRIPTION))


class GitHub:
    """The server's state, the calls that it got, and the errors with which it responds first."""

    def __init__(self, public_key: Path) -> None:
        self.public_key = public_key
        self.private = True
        self.policy = "all_external_contributors"
        self.forks = {"run_workflows_from_fork_pull_requests": False, "require_approval_for_fork_pr_workflows": False}
        self.forks |= {"send_write_tokens_to_workflows": False, "send_secrets_and_variables": False}
        self.releases: list[dict[str, Any]] = []  # of actions/runner
        self.group: dict[str, Any] = {"restricted_to_workflows": True, "selected_workflows": ["octo/model/a.yaml@main"]}
        self.runners: list[dict[str, Any]] = []
        self.installed = True
        self.errors: dict[str, list[int]] = {}  # "METHOD path's end" -> statuses to respond with at first
        self.calls: list[tuple[str, str, Any]] = []
        self.violations: list[str] = []
        self._last_id = 100

    def add(self, name: str, status: str = "offline", busy: bool = False) -> dict[str, Any]:
        self._last_id += 1
        labels = [{"id": 1, "name": "gpu", "type": "custom"}]
        runner = {"id": self._last_id, "name": name, "os": "linux", "status": status, "busy": busy, "labels": labels}
        self.runners.append(runner)
        return runner

    def bodies(self, method: str, ending: str) -> list[Any]:
        """The bodies of the calls with this method and ending of the path."""
        return [body for call_method, path, body in self.calls if call_method == method and path.endswith(ending)]

    def respond(self, method: str, path: str, body: Any, token: str) -> tuple[int, Any]:
        self.calls.append((method, path, body))
        for ending, statuses in self.errors.items():
            if statuses and f"{method} {path}".endswith(ending):
                return statuses.pop(0), {"message": "an error for the test"}
        if path.endswith(("/installation", "/access_tokens")):
            return self._token(path, token)
        if token != TOKEN:
            return 401, {"message": "Bad credentials"}
        return self._runner_call(method, path, body)

    def _token(self, path: str, token: str) -> tuple[int, Any]:
        if not self._is_signed(token):
            return 401, {"message": "A JSON web token could not be decoded"}
        if not self.installed:
            return 404, {"message": "Not Found"}
        if path.endswith("/installation"):
            return 200, {"id": 7}
        return 201, {"token": TOKEN, "expires_at": "2099-01-01T00:00:00Z"}

    def _is_signed(self, token: str) -> bool:
        """Whether the App's key has signed this token, by openssl."""
        text, _, signature = token.rpartition(".")
        claims = json.loads(_decode(text.split(".")[1]))
        file = self.public_key.parent / "signature"
        file.write_bytes(_decode(signature))
        command = ["openssl", "dgst", "-sha256", "-verify", str(self.public_key), "-signature", str(file)]
        completed = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
        return completed.returncode == 0 and claims["iss"] == APP_ID and claims["exp"] - claims["iat"] <= 600

    def _runner_call(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == f"/repos/{REPOSITORY}":
            return 200, {"full_name": REPOSITORY, "private": self.private}
        if "/actions/permissions/fork-pr-" in path:
            return self._setting(path.endswith("/fork-pr-workflows-private-repos"))
        if path == "/repos/actions/runner/releases":
            return 200, self.releases
        if "/runner-groups/" in path:
            return 200, self.group
        if path.endswith("/generate-jitconfig"):
            return 201, {"runner": self.add(body["name"]), "encoded_jit_config": f"jit-of-{body['name']}"}
        if method == "GET":
            return 200, {"total_count": len(self.runners), "runners": self.runners}
        return self._remove(int(path.rpartition("/")[2]))

    def _setting(self, private: bool) -> tuple[int, Any]:
        """The setting for pull requests of forks, of private or of public repositories."""
        if private != self.private:
            return 422, {"message": "This setting only applies to repositories of the other kind."}
        return 200, self.forks if private else {"approval_policy": self.policy}

    def _remove(self, number: int) -> tuple[int, Any]:
        for runner in self.runners:
            if runner["id"] == number:
                if runner["busy"]:
                    return 422, {"message": "Runner is currently running a job and cannot be deleted."}
                self.runners.remove(runner)
                return 204, None
        return 404, {"message": "Not Found"}


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class _Handler(BaseHTTPRequestHandler):
    github: GitHub

    def _serve(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        token = self.headers["Authorization"].removeprefix("Bearer ")
        body = json.loads(content) if content else None
        status, response = self.github.respond(self.command, url.path, body, token)
        data = b"" if response is None else json.dumps(response).encode()
        self._validate(url.path, dict(parse_qsl(url.query)), content, status, data)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(BrokenPipeError):  # the client was stopped
            self.wfile.write(data)

    def _validate(self, path: str, query: dict[str, str], content: bytes, status: int, data: bytes) -> None:
        """Check calls for a repository's runners; other calls are not in the description."""
        if not path.startswith(f"/repos/{REPOSITORY}/actions/runners"):
            return
        request = MockRequest("https://api.github.com", self.command.lower(), path, args=query, data=content or None)
        try:
            description().validate_request(request)
            if status < 400:
                description().validate_response(request, MockResponse(data, status))
        except Exception as error:
            self.github.violations.append(f"{self.command} {path}: {error!r} {error.__cause__!r}")

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - http.server calls them by these names

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(github: GitHub, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve `github` while the block runs; its address."""
    handler = type("Handler", (_Handler,), {"github": github})
    server = ThreadingHTTPServer((host, 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
