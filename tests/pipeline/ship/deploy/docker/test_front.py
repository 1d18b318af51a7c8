"""The front's configuration, and the memory that both of the proxy's processes may take."""

from pipeline.core import params
from pipeline.core.params import Deploy
from pipeline.ship.deploy.docker import front, haproxy
from tests.pipeline.conftest import FROZEN

MB = 2**20
BOUNDS = params.read(FROZEN / "params.yaml").deploy


def test_without_trusted_proxies_the_client_is_the_address_that_connects() -> None:
    text = front.configuration(BOUNDS)
    assert "x-forwarded-for" not in text
    assert "tcp-request connection reject if { sc0_conn_cur gt 6000 }\n" in text


def test_a_trusted_proxy_names_the_client_and_may_open_any_number_of_connections() -> None:
    text = front.configuration(trusting("172.18.0.1", "10.0.0.0/8"))
    assert "reject if { sc0_conn_cur gt 6000 } !{ src 172.18.0.1 10.0.0.0/8 }\n" in text
    for hop in front.HOPS:
        assert f"req.hdr_ip(x-forwarded-for,-{hop}) if {{ var(txn.source) -m ip 172.18.0.1 10.0.0.0/8 }}" in text


def test_other_settings_have_another_description() -> None:
    texts = [front.configuration(bounds) for bounds in (BOUNDS, BOUNDS, trusting("10.0.0.1"))]
    first, same, other = map(front.description, texts)
    assert first == same != other


def trusting(*proxies: str) -> Deploy:
    return BOUNDS.model_copy(update={"trusted_proxies": proxies})


def test_memory_grows_with_the_requests_that_are_held_and_not_with_connections_times_the_largest_request() -> None:
    assert front.balancer_memory(2_000_000) < 320 * MB
    assert front.balancer_memory(4_000_000) - front.balancer_memory(2_000_000) == 64 * 2 * 2_000_000
    assert front.memory() < 720 * MB < front.memory(tls=True) < front.CONNECTIONS * haproxy.buffer(2_000_000) / 10
