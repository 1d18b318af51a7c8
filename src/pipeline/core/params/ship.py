"""The sections on what a merge ships: deploy, release, serve."""

import contextlib
import datetime
import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, field_validator, model_validator

from pipeline.core.params.access import Access, Tls
from pipeline.core.params.values import Count, Name, Names, NonNegative, Positive, Section, UnitInterval

SECONDS = {"s": 1, "min": 60, "h": 3600}
SHADOW = re.compile(r"[1-9][0-9]{0,3} (s|min|h)")


def _is_valid(parse: Callable[[str], object], value: str) -> bool:
    try:
        parse(value)
    except ValueError:
        return False
    return True


class Deploy(Section):
    """How a release takes over on its host."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")] = Field(
        description="Name of the deployment on its host; two projects on one host need two names and two ports."
    )
    environment: Name = Field(description="GitHub environment whose deployments record what happens.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(description="Port of the host that the proxy answers on.")
    bind: Name = Field(
        "all", description="IP address of the host that the port is opened on, such as 127.0.0.1 behind TLS; or all."
    )
    operator_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="Port on 127.0.0.1 of the host for metrics and all other paths; null: none."
    )
    trusted_proxies: Names = Field(
        (), description="IP addresses or networks whose X-Forwarded-For names the client; its limits count by client."
    )
    access: Access = Field(default=Access(), description="Who may ask; all of it is off by default.")
    tls: Tls | None = Field(
        default=None, description="TLS at the proxy; null: none, so something in front of it must do that."
    )
    proxy_image: Name = Field(
        description="Image of the proxy: HAProxy 2.6 or newer, with Lua and its Prometheus exporter; "
        "name it by digest to pin it."
    )
    memory: Annotated[str, Field(pattern=r"^[1-9][0-9]*[bkmg]$")] = Field(
        description="Memory limit of a service container, as Docker writes it (512m, 1g)."
    )
    cpus: Positive = Field(description="CPU limit of a service container, in cores.")
    steps: Annotated[tuple[Annotated[int, Field(ge=1, le=100)], ...], Strict(strict=False), Field(min_length=1)] = (
        Field(description="Shares of the live traffic that a candidate gets in turn, in percent; rising, 100 the last.")
    )
    min_requests: Annotated[int, Field(ge=0)] = Field(
        description="Requests that the candidate must answer in each step; 200 are a smoke test; 0: waits for none."
    )
    deadline: Positive = Field(
        description="Seconds after which a step with too few requests is rolled back, and a suspicion counts no more."
    )
    confidence: Annotated[float, Field(ge=0.9, lt=1)] = Field(
        description="1 minus the share of deployments of an equal service that may be sent back; "
        "of all signals, steps and looks together."
    )
    max_error_difference: UnitInterval = Field(
        description="Candidate's share of failed (or refused) requests minus the champion's, at most."
    )
    max_latency_ratio: Annotated[float, Field(ge=1)] = Field(
        description="Candidate's p99 latency over the champion's, at most."
    )
    latency_floor: NonNegative = Field(description="Milliseconds: a p99 latency up to this is never too slow.")
    max_agreement_loss: UnitInterval = Field(
        description="How far agreement with the champion may fall below what was measured on the test rows."
    )
    min_agreement: UnitInterval = Field(
        default=0.6,
        description="Agreement with the champion (a regression: correlation) that no candidate may fall below, "
        "whatever was measured; 0: no such floor.",
    )
    max_shift: NonNegative = Field(
        description="Change of the mean score beyond the measured one, in standard deviations, at most."
    )
    replay: Annotated[int, Field(ge=0, le=10_000)] = Field(
        description="Newest logged rows that both models answer before the candidate gets traffic."
    )
    shadow: Annotated[int | str, Field(union_mode="left_to_right")] = Field(
        0,
        description="How long the candidate answers live rows again before it gets traffic: "
        "<n> s, min or h, such as 10 min; 0: not at all.",
    )

    @field_validator("shadow")
    @classmethod
    def _shadow_is_a_time(cls, value: int | str) -> int | str:
        if value != 0 and not SHADOW.fullmatch(str(value)):
            raise ValueError(f"is {value!r}; allowed: 0, or a number of s, min or h, such as 10 min")
        return value

    @property
    def shadow_seconds(self) -> int:
        """How long the shadow step lasts; 0 where there is none."""
        number, _, unit = str(self.shadow).partition(" ")
        return int(number) * SECONDS.get(unit, 0)

    @field_validator("bind")
    @classmethod
    def _bind_is_an_address(cls, value: str) -> str:
        if value != "all" and not _is_valid(ipaddress.ip_address, value):
            raise ValueError(f"is {value!r}; allowed: all, or an IP address such as 127.0.0.1")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _trusted_proxies_are_networks(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not _is_valid(ipaddress.ip_network, value):
                raise ValueError(f"is {value!r}; allowed: IP addresses and networks such as 172.18.0.1 or 10.0.0.0/8")
        return values

    @model_validator(mode="after")
    def _ports_differ(self) -> "Deploy":
        if self.operator_port == self.port:
            raise ValueError(f"operator_port: is {self.port}, as port is; allowed: another")
        return self

    @model_validator(mode="after")
    def _steps_rise_to_all(self) -> "Deploy":
        if self.steps[-1] != 100 or list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"steps: is {list(self.steps)}; allowed: rising shares that end with 100")
        return self


class Ignored(Section):
    """An exception from the scan."""

    id: Name = Field(description="Vulnerability, such as CVE-2026-1234.")
    reason: Name = Field(description="Why it does no harm here.")
    until: datetime.date = Field(description="Last day of the exception, as 2027-01-31.")

    @model_validator(mode="before")
    @classmethod
    def _date_from_text(cls, values: Any) -> Any:
        """A date in quotes is a date as well."""
        if isinstance(values, dict) and isinstance(values.get("until"), str):
            with contextlib.suppress(ValueError):
                return values | {"until": datetime.date.fromisoformat(values["until"])}
        return values


class Scan(Section):
    """Which findings of the vulnerability scan stop a release."""

    fail_on: Literal["negligible", "low", "medium", "high", "critical"] = Field(
        description="Lowest severity that stops a release: negligible, low, medium, high or critical."
    )
    only_fixed: bool = Field(description="true: a finding without a fixed version does not stop a release.")
    database_days: Count = Field(description="Age of the scanner's database, in days, from which it is too old.")
    ignore: Annotated[tuple[Ignored, ...], Strict(strict=False)] = Field(
        description="Exceptions until a day: {id: CVE-…, reason: why it does no harm here, until: 2027-01-31}."
    )


class Release(Section):
    """What a release must keep and carry."""

    golden: Annotated[int, Field(ge=0)] = Field(
        description="Test rows, with all features, that image and attestation carry for the deployment's test; 0: none."
    )
    scan: Scan = Field(description="Which findings of the vulnerability scan stop a release.")


class ServeLog(Section):
    """The prediction log."""

    folder: Name = Field(description="Folder of the prediction log; `PIPELINE_LOG_FOLDER` overrides it.")
    rotate_mb: Positive = Field(description="Size, in MB, at which a log file is closed and a new one begun.")
    keep: Annotated[int, Field(ge=2)] = Field(
        description="Log files that are kept for each worker; older ones are removed."
    )
    keep_days: Count | None = Field(
        None,
        description="Days after its last row after which a log file is removed, at the latest one day later; "
        "null: never.",
    )
    omit: Names = Field(description="Features that are not logged; replay, drift and retraining then lack them.")


class Serve(Section):
    """The service."""

    max_rows: Count = Field(description="Rows of one request, at most.")
    max_body: Annotated[int, Field(ge=1000)] = Field(description="Bytes of one request, at most.")
    explain_rows: Count = Field(description="Rows of one request to /explain, which costs more, at most.")
    explain_top: Count = Field(description="Features that an explanation names, the strongest first.")
    log: ServeLog = Field(description="The prediction log.")
