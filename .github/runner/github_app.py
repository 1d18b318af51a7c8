"""Calls to GitHub's REST API as a GitHub App: signs with openssl, so that the image holds no library but Python's."""

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
WAITS = (1, 2, 4, 8, 16)  # seconds before each further try
LONGEST_WAIT = 60  # seconds, however long GitHub asks for
RETRIED = {429, 500, 502, 503, 504}
TOKEN_MARGIN = 300  # seconds before its end at which a token is no longer used


class RegistrarError(Exception):
    """One line for the person who runs the machine: what is wrong, where, what to do."""


class UnreachableError(RegistrarError):
    """GitHub gave no answer, or none but errors of its own."""


class RefusedError(Exception):
    """An answer of GitHub that trying again doesn't change."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}".strip())
        self.status = status


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token along to another host."""

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
    """The decoded answer (None where empty). Waits and tries again on 429, 5xx and a network that fails."""
    for wait in (*WAITS, None):
        try:
            return _once(method, url, token, body)
        except urllib.error.HTTPError as error:
            with error:
                limited = error.code == 403 and error.headers.get("Retry-After")
                if not (error.code in RETRIED or limited):
                    raise RefusedError(error.code, _message(error)) from None
                if wait is None:
                    raise UnreachableError(f"{url}: GitHub answers {error.code} {_message(error)}") from None
                asked = error.headers.get("Retry-After") or ""
            wait = min(max(wait, int(asked) if asked.isdecimal() else 0), LONGEST_WAIT)
        except (
            OSError,
            http.client.HTTPException,
            ValueError,
        ) as error:  # no connection, a time-out, an answer that is no JSON
            if wait is None:
                raise UnreachableError(f"{url} can't be reached: {error}") from None
        sleep(wait)
    raise AssertionError  # the last round returns or raises


def _once(method: str, url: str, token: str, body: Mapping[str, Any] | None) -> Any:
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "User-Agent": "pipeline-registrar",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    data = None if body is None else json.dumps(body).encode()
    call = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - the operator's own API address
    with _opener.open(call, timeout=TIMEOUT) as answer:
        content = answer.read()
    return json.loads(content) if content else None


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return str(error.reason)


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def app_token(app_id: str, key_file: Path, now: float) -> str:
    """The App's JSON web token (RS256), good for nine minutes; dated back by one for clocks that differ."""
    claims = {"iat": int(now) - 60, "exp": int(now) + 540, "iss": app_id}
    parts = [_base64(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    text = ".".join(parts)
    command = ["openssl", "dgst", "-sha256", "-sign", str(key_file), "-passin", "pass:"]
    signed = subprocess.run(command, input=text.encode(), capture_output=True, check=False, timeout=TIMEOUT)  # noqa: S603
    if signed.returncode:
        raise RegistrarError(
            f"{key_file} can't be read as a private key: give the .pem file that the App's page generated"
        )
    return f"{text}.{_base64(signed.stdout)}"


@dataclass
class App:
    """The App's installation on one repository: hands out narrow tokens and calls the API with them."""

    api: str
    app_id: str
    key_file: Path
    repository: str
    permissions: Mapping[str, str]
    sleep: Callable[[float], None] = time.sleep
    _token: str = ""
    _expires: float = 0

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One call as the installation; `RefusedError` where GitHub says no."""
        return request(method, f"{self.api}{path}", self._installation_token(), body, self.sleep)

    def _installation_token(self) -> str:
        if time.time() < self._expires - TOKEN_MARGIN:
            return self._token
        signed = app_token(self.app_id, self.key_file, time.time())
        try:
            found = request("GET", f"{self.api}/repos/{self.repository}/installation", signed, sleep=self.sleep)
            wanted = {"repositories": [self.repository.split("/")[1]], "permissions": dict(self.permissions)}
            url = f"{self.api}/app/installations/{found['id']}/access_tokens"
            answer = request("POST", url, signed, wanted, self.sleep)
        except RefusedError as refused:
            raise RegistrarError(self._explain(refused)) from None
        self._token, expires = answer["token"], answer["expires_at"]
        self._expires = datetime.fromisoformat(expires.replace("Z", "+00:00")).timestamp()
        return self._token

    def _explain(self, refused: RefusedError) -> str:
        if refused.status == 401:
            return f"GitHub does not accept the key as that of App {self.app_id}: check APP_ID, the key and the clock"
        if refused.status == 404:
            return f"App {self.app_id} is not installed on {self.repository}: install it from the App's page"
        if refused.status in (403, 422):
            needed = ", ".join(f"{name}: {level}" for name, level in self.permissions.items())
            return f"the App's installation lacks a permission ({needed}): grant it and accept it ({refused})"
        return f"no token for {self.repository}: GitHub answered {refused}"
