"""The front's configuration: the HAProxy that takes the connections, and passes requests to the balancer.

HAProxy has one size of buffer for all connections of a process. The balancer's takes the largest request, so that a
failed one can be tried again; thousands of clients must not hold one each. The front's are small: what idle and slow
clients can fill is bounded, and the balancer only sees requests that are complete, and a few large ones.
"""

import hashlib
from collections.abc import Sequence

from pipeline.ship.deploy.docker import haproxy

CONNECTIONS = 8000  # at once
CONNECTIONS_BY_SOURCE = 6000
SMALL, LARGE = 32, 32  # requests that the balancer holds at once: complete ones, and those larger than a front's buffer
LARGE_BY_SOURCE = 24
BUFFER = 16_384  # bytes of a front's buffer
PATHS = ("/predict", "/explain", "/healthz", "/livez", "/readyz")  # what the public port answers
CONNECTION_BYTES = 4096  # of a connection besides its buffers
BASE_BYTES = 64 * 2**20  # of a process without connections
CONFIGURATION = """\
# Written by `pipeline deploy`, once for each container of the front.
global
  maxconn {connections}
  nbthread 2
  tune.bufsize {buffer}
  log stdout format raw local0

defaults
  mode http
  log global
  log-format "%t %ST %tsc %ci %[var(txn.source)]"
  option dontlognull
  timeout connect 1s
  timeout client 30s
  timeout server 150s
  timeout queue 10s
  timeout http-request 10s
  timeout http-keep-alive 10s
  retries 3
  retry-on conn-failure empty-response

frontend public
  bind :8080
  acl large var(txn.missing) -m int gt 0
  acl large req.fhdr(transfer-encoding) -m found
  tcp-request connection track-sc0 src table connections
  tcp-request connection reject if {{ sc0_conn_cur gt {connections_by_source} }}{unless_trusted}
  http-request return status 404 content-type application/json string {not_found} unless {{ path {paths} }}
  http-request set-var(txn.source) src
{forwarded}  http-request wait-for-body time 10s
  http-request set-var(txn.received) req.body_len
  http-request set-var(txn.missing) req.body_size,sub(txn.received)
  http-request track-sc1 var(txn.source) table large_requests if large
  acl too_many sc1_conn_cur gt {large_by_source}
  http-request set-log-level silent unless large too_many
  http-request return status 429 content-type application/json string {too_many} hdr retry-after 1 if large too_many
  use_backend large if large
  default_backend small

backend small
  server balancer unix@/run/proxy/requests.sock maxconn {small}

backend large
  server balancer unix@/run/proxy/requests.sock maxconn {large}

frontend operators
  bind unix@/run/proxy/{metrics_socket} mode 600
  http-request set-log-level silent
  http-request use-service prometheus-exporter

backend connections
  stick-table type ipv6 size {table} expire 1m store conn_cur

backend large_requests
  stick-table type ipv6 size {table} expire 1m store conn_cur
"""
FORWARDED = (  # the last address in X-Forwarded-For that no trusted proxy has
    "  http-request set-var(txn.source) req.hdr_ip(x-forwarded-for,-{hop}) "
    "if {{ var(txn.source) -m ip {trusted} }} {{ req.hdr_ip(x-forwarded-for,-{hop}) -m found }}\n"
)
HOPS = (1, 2, 3)


def configuration(trusted_proxies: Sequence[str]) -> str:
    """The file that the front reads; the forwarded address counts only where one of `trusted_proxies` names it."""
    trusted = " ".join(trusted_proxies)
    return CONFIGURATION.format(
        connections=CONNECTIONS,
        connections_by_source=CONNECTIONS_BY_SOURCE,
        unless_trusted=f" !{{ src {trusted} }}" if trusted else "",
        forwarded="".join(FORWARDED.format(hop=hop, trusted=trusted) for hop in HOPS) if trusted else "",
        buffer=BUFFER,
        metrics_socket=haproxy.FRONT_SOCKET,
        small=SMALL,
        large=LARGE,
        large_by_source=LARGE_BY_SOURCE,
        paths=" ".join(PATHS),
        table=2 * CONNECTIONS,
        not_found=_error("no such path on this port; deploy.operator_port has the others"),
        too_many=_error(f"more than {LARGE_BY_SOURCE} large requests at once from one address; send fewer at a time"),
    )


def digest(text: str) -> str:
    """The text by which a front's container names its configuration."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def memory() -> int:
    """Bytes that the front needs at most: each connection may fill a buffer in each direction."""
    return BASE_BYTES + CONNECTIONS * (2 * BUFFER + CONNECTION_BYTES)


def balancer_memory(max_body: int) -> int:
    """Bytes that the balancer needs at most: each request has a buffer, and one to be tried again from."""
    return BASE_BYTES + (SMALL + LARGE) * (2 * haproxy.buffer(max_body) + CONNECTION_BYTES)


def _error(text: str) -> str:
    """The body of a refusal, as the service writes it, quoted for HAProxy."""
    return f"""'{{"error": "{text}", "problems": []}}'"""
