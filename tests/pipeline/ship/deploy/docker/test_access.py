"""The front's rules on who may ask, as text; tests/pipeline/ship/deploy/test_access.py asks the real proxy."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from pipeline.core import params
from pipeline.core.params import Access, Deploy, Jwt, Rate, Tls
from pipeline.ship.deploy.docker import access, front
from tests.pipeline.conftest import FROZEN
from tests.pipeline.ship.deploy.certificates import Authority

BOUNDS = params.read(FROZEN / "params.yaml").deploy
JWT = Jwt(algorithm="ES256", issuer="https://issuer.example/", audience="us", keys="jwks.json")
ALL = Access(keys=True, jwt=JWT, rate=Rate(requests=5, seconds=10), origins=("https://a.example",))


def rules(tls: Tls | None = None, authorities: str | None = None, **switches: Any) -> access.Rules:
    bounds = BOUNDS.model_copy(update={"access": Access(**switches), "tls": tls})
    return access.rules(bounds, ["PEM"] if "jwt" in switches else [], authorities)


def test_everything_is_off_by_default_but_nobody_names_himself() -> None:
    assert (Deploy.model_fields["access"].default, Deploy.model_fields["tls"].default) == (Access(), None)
    off = rules()
    assert (off.bind, off.rules, off.tables, off.files) == ("", "  http-request del-header x-pipeline-client\n", "", {})


@pytest.mark.parametrize(
    "switches",
    [{"keys": True}, {"jwt": JWT}, {"keys": True, "jwt": JWT}],
)
def test_who_is_not_known_is_refused_after_it_was_counted_and_before_it_is_named(switches: dict[str, Any]) -> None:
    text = rules(rate=Rate(requests=5, seconds=10), **switches).rules
    parts = ("del-header x-pipeline-client", "track-sc2", "status 401", "set-header x-pipeline-client")
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_a_certificate_is_asked_for_besides_a_key_and_names_who_has_none() -> None:
    tls = Tls(certificate="/etc/pipeline/server.pem", clients="clients.pem")
    named = "set-var(txn.client) var(txn.certificate)"
    assert named in rules(tls, "PEM").rules
    both = rules(tls, "PEM", keys=True)
    assert named not in both.rules
    assert both.rules.count("status 401") == 2
    (name,) = both.files
    assert both.bind.startswith(" ssl crt /tls/server.pem ")
    assert both.bind.endswith(f" ca-file /state/{name} verify optional")


def test_the_algorithm_is_the_configured_one() -> None:
    text = rules(jwt=JWT).rules
    assert f"jwt_verify(ES256,/state/{next(iter(rules(jwt=JWT).files))})" in text
    assert "$.alg') -m str ES256\n" in text


def test_haproxy_takes_all_of_it(tmp_path: Path) -> None:
    if (haproxy := shutil.which("haproxy")) is None:
        pytest.skip("haproxy is not installed; the tests with containers have it")
    authority = Authority()
    authority.write(tmp_path / "server.pem", "localhost")
    bounds = BOUNDS.model_copy(update={"access": ALL, "tls": Tls(certificate="/etc/server.pem", clients="clients.pem")})
    made = access.rules(bounds, [ECKey.generate_key("P-256").as_pem(private=False).decode()], authority.pem)
    (tmp_path / "keys.map").write_text("")
    for name, text in made.files.items():
        (tmp_path / name).write_text(text)
    text = front.configuration(bounds, made).replace("/state/", f"{tmp_path}/").replace("/tls/", f"{tmp_path}/")
    (tmp_path / "front.cfg").write_text(text.replace("/run/proxy", str(tmp_path)))
    result = subprocess.run(
        [haproxy, "-c", "-f", "front.cfg"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("section", "values", "problem"),
    [
        (Access, {"origins": ("*",)}, "scheme and host in small letters"),
        (Access, {"origins": ("https://a.example/",)}, "scheme and host in small letters"),
        (Access, {"rate": {"requests": 0, "seconds": 1}}, "greater than or equal to 1"),
        (Jwt, JWT.model_dump() | {"algorithm": "none"}, "Input should be 'RS256'"),
        (Jwt, JWT.model_dump() | {"algorithm": "HS256"}, "Input should be 'RS256'"),
        (Jwt, JWT.model_dump() | {"issuer": "it's"}, "should match pattern"),
        (Tls, {"certificate": "server.pem"}, "a path on the host"),
        (Tls, {"certificate": "/etc/../server.pem"}, "a path on the host"),
        (Tls, {"certificate": "/server.pem"}, "a path on the host"),
    ],
)
def test_a_bad_value_is_refused(section: Any, values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem.replace("*", r"\*")):
        section(**values)
