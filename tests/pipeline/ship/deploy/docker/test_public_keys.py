"""The files that `deploy.access` and `deploy.tls` name: what is taken of them, and what is refused in one line."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from pipeline.core.errors import PipelineError
from pipeline.core.params import Jwt
from pipeline.ship.deploy.docker import public_keys
from tests.pipeline.ship.deploy.certificates import Authority

RSA, EC = RSAKey.generate_key(2048), ECKey.generate_key("P-256")
PUBLIC = RSA.as_dict(private=False)


def jwt(algorithm: Any = "RS256") -> Jwt:
    return Jwt(algorithm=algorithm, issuer="i", audience="a", keys="jwks.json")


def write(folder: Path, *keys: Any) -> Path:
    path = folder / "jwks.json"
    path.write_text(json.dumps({"keys": keys}))
    return path


def test_the_keys_of_the_algorithm_are_taken(tmp_path: Path) -> None:
    encryption = RSAKey.generate_key(2048).as_dict(private=False) | {"use": "enc"}
    other = RSAKey.generate_key(2048).as_dict(private=False) | {"alg": "RS512"}
    path = write(tmp_path, PUBLIC, encryption, other, EC.as_dict(private=False), {"kty": "new"})
    assert public_keys.issuer_keys(jwt(), path) == [RSA.as_pem(private=False).decode()]
    assert public_keys.issuer_keys(jwt("ES256"), path) == [EC.as_pem(private=False).decode()]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is no JWKS"),
        ("[]", "is no JWKS"),
        ("{}", "is no JWKS"),
        ('{"keys": []}', "is no JWKS"),
        ('{"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]}', "is no JWKS"),
        ("\xe9", "is no text file"),
        (json.dumps({"keys": [EC.as_dict(private=False)]}), "has no keys for RS256; allowed: 1 to 8"),
        (json.dumps({"keys": [PUBLIC] * 9}), "has 9 keys for RS256; allowed: 1 to 8"),
        (json.dumps({"keys": [RSA.as_dict(private=True)]}), "holds a secret"),
        (json.dumps({"keys": [OctKey.generate_key(256).as_dict()]}), "holds a secret"),
    ],
    ids=itertools.count(),  # a random key in a name would be another one in each worker
)
def test_a_bad_file_is_one_line(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(PipelineError, match=f"^deploy.access.jwt.keys: {path}: {problem}.*$"):
        public_keys.issuer_keys(jwt(), path)


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    with pytest.warns(match="2048"):
        short = RSAKey.generate_key(1024).as_dict(private=False)
    with pytest.raises(PipelineError, match="less than 2048 bits"):
        public_keys.issuer_keys(jwt(), write(tmp_path, short))


def test_the_authorities_of_clients(tmp_path: Path) -> None:
    path, good = tmp_path / "clients.pem", Authority()
    path.write_text(good.pem)
    assert public_keys.authorities(path) == good.pem


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("nothing", "holds no certificate"),
        ("server", "holds a private key"),
        ("leaf", "holds no certificate of an authority"),
        ("missing", r"can't be read \(No such file or directory\)"),
    ],
)
def test_bad_authorities_are_one_line(tmp_path: Path, kind: str, problem: str) -> None:
    path = tmp_path / "clients.pem"
    leaf = Authority().write(tmp_path / "leaf.pem", "x").read_text()
    texts = {
        "nothing": "hello",
        "server": leaf,
        "leaf": leaf[: leaf.index("-----BEGIN PRIVATE")],
    }
    if kind in texts:
        path.write_text(texts[kind])
    with pytest.raises(PipelineError, match=f"^deploy.tls.clients: {path}: {problem}"):
        public_keys.authorities(path)


def test_an_expired_authority_is_one_line() -> None:
    public_keys.refuse_expired("deploy.tls.clients", Authority().pem)
    with pytest.raises(PipelineError, match=r"^deploy.tls.clients: a certificate has expired \(.* GMT\); put "):
        public_keys.refuse_expired("deploy.tls.clients", Authority(days=-1).pem)
