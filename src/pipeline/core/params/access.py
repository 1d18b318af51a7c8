"""The parts of `deploy` on who may ask: `deploy.access` and `deploy.tls`."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from pipeline.core.params.values import Name, Names, Section

# What stands in the proxy's configuration between single quotes.
Quotable = Annotated[str, Field(pattern=r"^[!#-&(-\[\]-~]{1,256}$")]


class Jwt(Section):
    """Tokens that an issuer signs."""

    algorithm: Literal["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"] = Field(
        description="The one algorithm that is accepted: RS256, RS384, RS512, ES256, ES384 or ES512."
    )
    issuer: Quotable = Field(description="What `iss` must be.")
    audience: Quotable = Field(description="What `aud` must be, or hold among its first eight.")
    keys: Name = Field(description="File with the issuer's public keys (a JWKS), as `access/jwks.json`.")


class Rate(Section):
    """How often a client may ask."""

    requests: Annotated[int, Field(ge=1, le=1_000_000)] = Field(description="Requests of one client, at most ...")
    seconds: Annotated[int, Field(ge=1, le=3600)] = Field(description="... within so many seconds.")


class Access(Section):
    """Who may ask; the proxy checks it."""

    keys: bool = Field(default=False, description="true: a request needs an API key, which `pipeline keys add` makes.")
    jwt: Jwt | None = Field(
        default=None, description="A request needs a token of this issuer (or a key, if keys are on)."
    )
    rate: Rate | None = Field(
        default=None, description="How often one client may ask, by its name, else by its address."
    )
    origins: Names = Field(
        default=(), description="Origins whose pages may ask, as https://app.example.org; empty: no CORS."
    )

    @field_validator("origins")
    @classmethod
    def _origins_are_origins(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", value):
                raise ValueError(f"is {value!r}; allowed: scheme and host in small letters, as https://app.example.org")
        return values


class Tls(Section):
    """TLS at the proxy."""

    certificate: Name = Field(
        description="File on the host with the certificate, its chain and its private key (PEM), by its full path."
    )
    clients: Name | None = Field(
        default=None,
        description="File with the certificates (PEM) of the authorities that a client's must be of; null: none.",
    )

    @field_validator("certificate")
    @classmethod
    def _path_is_absolute(cls, value: str) -> str:
        if not re.fullmatch(r"(/[A-Za-z0-9_.-]+){2,}", value) or ".." in value.split("/"):
            raise ValueError(f"is {value!r}; allowed: a path on the host such as /etc/pipeline/server.pem")
        return value
