"""Who may ask: each switch of `deploy.access` and `deploy.tls`, in the real proxy: what it lets in, and what not."""

import base64
import hashlib
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.pipeline.runner.containers import docker
from tests.pipeline.ship.deploy.certificates import Authority
from tests.pipeline.ship.deploy.hosts import PORT, Load, World

pytestmark = pytest.mark.engine

OFF: dict[str, Any] = {"keys": False, "jwt": None, "rate": None, "origins": []}
JWT = {"algorithm": "RS256", "issuer": "https://issuer.example/", "audience": "scores", "keys": "jwks.json"}
ORIGIN = "https://app.example.org"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    content: dict[str, Any]

    @property
    def client(self) -> str | None:
        """Who the service was told that asks; it never sees what proves it."""
        seen: dict[str, str] = self.content["seen"]
        assert seen.keys() <= {"x-pipeline-client"}
        return seen.get("x-pipeline-client")


def ask(method: str = "POST", path: str = "/predict", context: ssl.SSLContext | None = None, **headers: str) -> Answer:
    """One request through the proxy; names of headers have underscores for dashes."""
    connection = (
        http.client.HTTPSConnection("localhost", PORT, timeout=30, context=context)
        if context
        else http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    )
    body = json.dumps({"rows": [{"x": 0.5}]}) if method == "POST" else None
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {"content-type": "application/json"} | named)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    received = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, received, json.loads(text or b"{}"))


def switch(world: World, tls: dict[str, str] | None = None, **access: Any) -> None:
    """Deploy with these switches alone: the proxy takes them without a restart."""
    world.edit(access=OFF | access, tls=tls)
    world.ok("first")


def keys(world: World, *command: str) -> str:
    status, output = world.run("keys", *command)
    assert status == 0, output
    return output.split()[0]


def test_without_a_switch_everybody_may_ask_and_nobody_has_a_name(world: World) -> None:
    answer = ask(x_pipeline_client="forged", origin="https://elsewhere.example")
    assert (answer.status, answer.client) == (200, None)
    assert "access-control-allow-origin" not in answer.headers


def test_keys_are_added_and_withdrawn_at_once_and_rotated_under_load(world: World) -> None:
    switch(world, keys=True)
    assert ask().status == ask(x_api_key="pk_wrong").status == ask(authorization="Bearer x").status == 401
    assert "X-API-Key" in ask().content["error"]
    assert {ask("GET", path).status for path in ("/healthz", "/livez", "/readyz")} == {200}
    old = keys(world, "add", "billing")
    assert ask(x_api_key=old, x_pipeline_client="forged").client == "billing"
    with Load(clients=3, headers={"x-api-key": old}) as load:
        new = keys(world, "add", "billing")
        other = keys(world, "add", "reports")
        docker("kill", "--signal", "USR2", f"{world.name}-proxy")
        time.sleep(1)
        assert [ask(x_api_key=key).client for key in (old, new, other)] == ["billing", "billing", "reports"]
    assert load.failed == {}
    assert sum(load.answers.values()) > 50
    keys(world, "remove", hashlib.sha256(old.encode()).hexdigest()[:8])
    assert [ask(x_api_key=key).status for key in (old, new, other)] == [401, 200, 200]
    docker("restart", f"{world.name}-proxy")
    wait_until_ready()
    assert [ask(x_api_key=key).status for key in (old, new, other)] == [401, 200, 200]
    keys(world, "remove", "billing")
    assert [ask(x_api_key=key).status for key in (old, new, other)] == [401, 401, 200]
    status, listed = world.run("keys", "list")
    assert status == 0
    assert [line.split()[2] for line in listed.splitlines()] == ["reports"]
    stored = docker("exec", f"{world.name}-proxy", "cat", "/state/keys.map").stdout
    assert hashlib.sha256(other.encode()).hexdigest() in stored
    assert other not in stored
    assert world.run("keys", "remove", "billing")[0] == 2


def test_a_token_is_of_the_issuer_for_this_audience_in_time_and_by_the_one_algorithm(world: World) -> None:
    first, second, stranger = (RSAKey.generate_key(2048) for _ in range(3))
    public = [key.as_dict(private=False) for key in (first, second)]
    (world.folder / "jwks.json").write_text(json.dumps({"keys": public}))
    switch(world, jwt=JWT)
    now = int(time.time())
    good = {"iss": JWT["issuer"], "aud": "scores", "sub": "anna", "exp": now + 300}
    for key in (first, second):
        assert ask_by(token(key, good)).client == "anna"
    assert ask_by(token(first, good | {"aud": ["other", "scores"], "nbf": now})).client == "anna"
    wrong = {
        "no token": None,
        "garbage": "x.y.z",
        "another key": token(stranger, good),
        "another issuer": token(first, good | {"iss": "https://issuer.example"}),
        "another audience": token(first, good | {"aud": ["other"]}),
        "expired": token(first, good | {"exp": now - 60}),
        "a negative time": token(first, good | {"exp": -5}),
        "without an end": token(first, {name: value for name, value in good.items() if name != "exp"}),
        "not yet": token(first, good | {"nbf": now + 300}),
        "nobody": token(first, {name: value for name, value in good.items() if name != "sub"}),
        "two lines": token(first, good | {"sub": "anna\r\nx-other: 1"}),
        "another RSA": token(first, good, "RS512"),
        "none": unsigned(good),
        "the public key as secret": signed_by_secret(first.as_pem(private=False), good),
        "changed": changed(token(first, good), good | {"sub": "root"}),
    }
    statuses = {name: (ask_by(text) if text else ask()).status for name, text in wrong.items()}
    assert statuses == dict.fromkeys(wrong, 401)
    (world.folder / "jwks.json").write_text(json.dumps({"keys": public[1:]}))
    world.ok("first")
    assert [ask_by(token(key, good)).status for key in (first, second)] == [401, 200]


def test_a_client_is_counted_by_its_key_or_by_its_address_which_it_cannot_forge(world: World) -> None:
    switch(world, rate={"requests": 4, "seconds": 60})
    statuses = [ask(x_forwarded_for=f"192.0.2.{number}").status for number in range(6)]
    assert statuses == [200] * 4 + [429] * 2
    refused = ask()
    assert (refused.status, refused.headers["retry-after"]) == (429, "60")
    assert ask("GET", "/readyz").status == 200
    switch(world, keys=True, rate={"requests": 4, "seconds": 61})
    key, other = keys(world, "add", "one"), keys(world, "add", "two")
    assert [ask(x_api_key=key).status for _ in range(5)] == [200] * 4 + [429]
    assert ask(x_api_key=other).status == 200


def test_pages_of_an_allowed_origin_may_ask(world: World) -> None:
    switch(world, origins=[ORIGIN], keys=True)
    preflight = ask("OPTIONS", origin=ORIGIN, access_control_request_method="POST")
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert preflight.headers["access-control-allow-methods"] == "POST"
    assert "x-api-key" in preflight.headers["access-control-allow-headers"]
    refused = ask(origin=ORIGIN)
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, ORIGIN)
    key = keys(world, "add", "page")
    answer = ask(origin=ORIGIN, x_api_key=key)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert answer.headers["vary"] == "origin"
    assert ask(x_api_key=key).status == 200  # no page asks
    for origin in ("https://elsewhere.example", f"{ORIGIN}.evil.example", "null"):
        for method in ("OPTIONS", "POST"):
            stranger = ask(method, origin=origin, x_api_key=key, access_control_request_method="POST")
            assert (stranger.status, "access-control-allow-origin" in stranger.headers) == (403, False)


@pytest.mark.parametrize(
    ("access", "tls", "expected"),
    [
        ({"jwt": JWT | {"keys": "none.json"}}, None, "deploy.access.jwt.keys: none.json: can't be read"),
        ({}, {"certificate": "server.pem"}, "deploy.tls.certificate: is 'server.pem'; allowed: a path on the host"),
        ({}, {"certificate": "/nowhere/tls/server.pem"}, "the proxy's container was made without what they need"),
    ],
)
def test_a_bad_setting_is_one_line_before_anything_starts(
    world: World, access: dict[str, Any], tls: dict[str, str] | None, expected: str
) -> None:
    switch(world)
    world.edit(access=OFF | access, tls=tls)
    status, output = world.deploy("first")
    error = [line for line in output.splitlines() if "error" in line]
    assert (status, len(error)) == (2, 1), output
    assert expected in error[0]
    assert ask().status == 200


@pytest.fixture
def certificates(world: World, tmp_path: Path) -> Iterator[Path]:
    """A folder on the host for the proxy's certificate; afterwards the proxy has none again."""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    yield tmp_path
    switch(world)


def test_tls_and_certificates_of_clients(world: World, certificates: Path) -> None:
    authority, stranger = Authority(), Authority()
    server = certificates / "server.pem"
    (world.folder / "clients.pem").write_text(authority.pem)
    docker("rm", "--force", f"{world.name}-proxy")
    world.edit(access=OFF, tls={"certificate": str(server), "clients": "clients.pem"})
    status, output = world.deploy("first")
    assert status == 2
    assert "the proxy refuses them" in output
    authority.write(server, "localhost")
    world.ok("first")
    wait_until_ready(trusting(authority))
    assert ask("GET", "/readyz", trusting(authority)).status == 200
    assert ask(context=trusting(authority)).status == 401
    assert ask(context=trusting(authority, authority.write(certificates / "anna.pem", "anna"))).client == "anna"
    expired = authority.write(certificates / "expired.pem", "anna", days=-1)
    forged = stranger.write(certificates / "forged.pem", "anna")
    for certificate in (expired, forged):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            ask(context=trusting(authority, certificate))
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        ask()  # without TLS
    stranger.write(server, "localhost")  # a new certificate
    docker("kill", "--signal", "USR2", f"{world.name}-proxy")
    wait_until_ready(trusting(stranger))
    server.write_text("not a certificate")
    docker("kill", "--signal", "USR2", f"{world.name}-proxy")
    time.sleep(1)
    assert ask("GET", "/readyz", trusting(stranger)).status == 200  # the one before goes on


def trusting(authority: Authority, certificate: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.pem)
    if certificate:
        context.load_cert_chain(certificate)
    return context


def wait_until_ready(context: ssl.SSLContext | None = None) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            if ask("GET", "/readyz", context).status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        assert time.monotonic() < end
        time.sleep(0.1)


def ask_by(text: str) -> Answer:
    return ask(authorization=f"Bearer {text}")


def token(key: RSAKey, claims: dict[str, Any], algorithm: str = "RS256") -> str:
    return jwt.encode({"alg": algorithm}, claims, key, algorithms=[algorithm])


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    return f"{encoded(json.dumps({'alg': 'none'}).encode())}.{encoded(json.dumps(claims).encode())}."


def signed_by_secret(secret: bytes, claims: dict[str, Any]) -> str:
    text = f"{encoded(json.dumps({'alg': 'HS256'}).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{text}.{encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def changed(text: str, claims: dict[str, Any]) -> str:
    head, _, signature = text.split(".")
    return f"{head}.{encoded(json.dumps(claims).encode())}.{signature}"
