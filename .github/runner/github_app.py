"""Calls to GitHub's REST API as a GitHub App: signed with openssl, so that no Python library is needed."""

import base64
import http.client
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

TIMEOUT = 30  # seconds, for one call
RETRY_DELAYS = (1, 2, 4, 8, 16)  # seconds before each further try
MAX_DELAY = 60  # seconds, even if GitHub's Retry-After is longer
RETRIED = {429, 500, 502, 503, 504}
TOKEN_MARGIN = 300  # seconds before its expiry from which a token is no longer used


class RegistrarError(Exception):
    """One line for the person who runs the machine: what is wrong, where, what to do."""


class UnreachableError(RegistrarError):
    """GitHub did not respond, or only with server errors."""


class RefusedError(Exception):
    """An error response that trying again does not change."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}".strip())
        self.status = status


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """No redirects: one would send the token to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def request(
    method: str,
    url: str,
    token: str,
    body: Mapping[str, Any] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Any:
    """The decoded response (None where empty). Waits and tries again on 429, 5xx and network errors."""
    for delay in (*RETRY_DELAYS, None):
        try:
            return _send(method, url, token, body)
        except urllib.error.HTTPError as error:
            with error:
                limited = error.code == 403 and error.headers.get("Retry-After")
                if not (error.code in RETRIED or limited):
                    raise RefusedError(error.code, _message(error)) from None
                if delay is None:
                    raise UnreachableError(f"{url}: GitHub responds {error.code} {_message(error)}") from None
                retry_after = error.headers.get("Retry-After") or ""
            delay = min(max(delay, int(retry_after) if retry_after.isdecimal() else 0), MAX_DELAY)
        except (
            OSError,
            http.client.HTTPException,
            ValueError,
        ) as error:  # no connection, a time-out, a response that is not JSON
            if delay is None:
                raise UnreachableError(f"{url} can't be reached: {error}") from None
        sleep(delay)
    raise AssertionError  # the last try returns or raises


def _send(method: str, url: str, token: str, body: Mapping[str, Any] | None) -> Any:
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "User-Agent": "pipeline-registrar",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    data = None if body is None else json.dumps(body).encode()
    call = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - the operator's own API address
    with _opener.open(call, timeout=TIMEOUT) as response:
        content = response.read()
    return json.loads(content) if content else None


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return str(error.reason)


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def app_token(app_id: str, key_file: Path, now: float) -> str:
    """The App's JSON web token (RS256), valid for nine minutes; dated back by one for clocks that differ."""
    claims = {"iat": int(now) - 60, "exp": int(now) + 540, "iss": app_id}
    parts = [_base64(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    text = ".".join(parts)
    command = ["openssl", "dgst", "-sha256", "-sign", str(key_file), "-passin", "pass:"]
    completed = subprocess.run(command, input=text.encode(), capture_output=True, check=False, timeout=TIMEOUT)  # noqa: S603
    if completed.returncode:
        raise RegistrarError(
            f"{key_file} can't be read as a private key: give the .pem file that the App's page generated"
        )
    return f"{text}.{_base64(completed.stdout)}"


@dataclass
class App:
    """The App's installation on one repository: requests tokens with few permissions and calls the API with them."""

    api: str
    app_id: str
    key_file: Path
    repository: str
    permissions: Mapping[str, str]
    sleep: Callable[[float], None] = time.sleep
    _token: str = ""
    _expires: float = 0

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One call as the installation; `RefusedError` where GitHub refuses it."""
        return request(method, f"{self.api}{path}", self._installation_token(), body, self.sleep)

    def _installation_token(self) -> str:
        if time.time() < self._expires - TOKEN_MARGIN:
            return self._token
        jwt = app_token(self.app_id, self.key_file, time.time())
        try:
            installation = request("GET", f"{self.api}/repos/{self.repository}/installation", jwt, sleep=self.sleep)
            body = {"repositories": [self.repository.split("/")[1]], "permissions": dict(self.permissions)}
            url = f"{self.api}/app/installations/{installation['id']}/access_tokens"
            response = request("POST", url, jwt, body, self.sleep)
        except RefusedError as refused:
            raise RegistrarError(self._explain(refused)) from None
        self._token, expires = response["token"], response["expires_at"]
        self._expires = datetime.fromisoformat(expires.replace("Z", "+00:00")).timestamp()
        return self._token

    def _explain(self, refused: RefusedError) -> str:
        if refused.status == 401:
            return f"GitHub does not accept the key as that of App {self.app_id}: check APP_ID, key and system time"
        if refused.status == 404:
            return f"App {self.app_id} is not installed on {self.repository}: install it from the App's page"
        if refused.status in (403, 422):
            needed = ", ".join(f"{name}: {level}" for name, level in self.permissions.items())
            return f"the App's installation lacks a permission ({needed}): grant it and accept it ({refused})"
        return f"no token for {self.repository}: GitHub responded {refused}"
