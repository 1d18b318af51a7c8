"""The front's configuration: the HAProxy that takes the connections, and passes requests to the balancer.

HAProxy has one size of buffer for all connections of a process. The balancer's takes the largest request, so that a
failed one can be tried again; thousands of clients must not hold one each. The front's are small: what idle and slow
clients can fill is bounded, and the balancer only sees requests that are complete, and a few large ones.

A master process keeps the port: on SIGUSR2 it starts a worker with what the files now say, and the old one ends.
"""

import hashlib

from pipeline.core.params import Deploy
from pipeline.ship.deploy.docker import access, haproxy
from pipeline.ship.deploy.docker.access import Rules
from pipeline.ship.deploy.docker.answers import body

CONNECTIONS = 8000  # at once
CONNECTIONS_BY_SOURCE = 6000
SMALL, LARGE = 32, 32  # requests that the balancer holds at once: complete ones, and those larger than a front's buffer
LARGE_BY_SOURCE = 24
BUFFER = 16_384  # bytes of a front's buffer
PATHS = ("/predict", "/explain", "/healthz", "/livez", "/readyz")  # what the public port answers
CONNECTION_BYTES = 4096  # of a connection besides its buffers
BASE_BYTES = 64 * 2**20  # of a process without connections
WORKERS = 2  # at once, while a reload lets the old one finish its requests
SOCKET = "front.sock"  # of its administration, in the volume `run`
CONFIGURATION = """\
# Written by `pipeline deploy`, which reloads the front where it has changed.
global
  description {digest}
  stats socket unix@/run/proxy/{socket} mode 600 level admin
  hard-stop-after 60s
  maxconn {connections}
  nbthread 2
  tune.bufsize {buffer}
  log stdout format raw local0

defaults
  mode http
  log global
  log-format "%t %ST %tsc %ci %[var(txn.source)]"
  option dontlognull
  option idle-close-on-response
  timeout connect 1s
  timeout client 30s
  timeout server 150s
  timeout queue 10s
  timeout http-request 10s
  timeout http-keep-alive 10s
  retries 3
  retry-on conn-failure empty-response

frontend public
  bind :8080{tls}
  acl large var(txn.missing) -m int gt 0
  acl large req.fhdr(transfer-encoding) -m found
  tcp-request connection track-sc0 src table connections
  tcp-request connection reject if {{ sc0_conn_cur gt {connections_by_source} }}{unless_trusted}
  http-request return status 404 content-type application/json string {not_found} unless {{ path {paths} }}
  http-request set-var(txn.source) src
{forwarded}{access}  http-request wait-for-body time 10s
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
{tables}"""
FORWARDED = (  # the last address in X-Forwarded-For that no trusted proxy has
    "  http-request set-var(txn.source) req.hdr_ip(x-forwarded-for,-{hop}) "
    "if {{ var(txn.source) -m ip {trusted} }} {{ req.hdr_ip(x-forwarded-for,-{hop}) -m found }}\n"
)
HOPS = (1, 2, 3)


def configuration(bounds: Deploy, rules: Rules | None = None) -> str:
    """The file that the front reads; the forwarded address counts only where a trusted proxy names it."""
    trusted = " ".join(bounds.trusted_proxies)
    rules = rules or access.rules(bounds, [], None)
    fields = {
        "connections": CONNECTIONS,
        "connections_by_source": CONNECTIONS_BY_SOURCE,
        "unless_trusted": f" !{{ src {trusted} }}" if trusted else "",
        "forwarded": "".join(FORWARDED.format(hop=hop, trusted=trusted) for hop in HOPS) if trusted else "",
        "buffer": BUFFER,
        "small": SMALL,
        "large": LARGE,
        "large_by_source": LARGE_BY_SOURCE,
        "paths": " ".join(PATHS),
        "table": 2 * CONNECTIONS,
        "not_found": body("no such path on this port; deploy.operator_port has the others"),
        "too_many": body(f"more than {LARGE_BY_SOURCE} large requests at once from one address; send fewer at a time"),
        "tls": rules.bind,
        "access": rules.rules,
        "tables": rules.tables,
        "socket": SOCKET,
        "metrics_socket": haproxy.FRONT_SOCKET,
    }
    return CONFIGURATION.format(digest=digest(CONFIGURATION.format(digest="", **fields)), **fields)


def digest(text: str) -> str:
    """The text by which a running front names its configuration."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def description(text: str) -> str:
    """The digest that a configuration names."""
    return next(line.split()[1] for line in text.splitlines() if line.startswith("  description "))


def memory(*, tls: bool = False) -> int:
    """Bytes that the front needs at most: each connection of each worker may fill a buffer in each direction."""
    connection = 2 * BUFFER + CONNECTION_BYTES + (access.TLS_BYTES if tls else 0)
    return WORKERS * (BASE_BYTES + CONNECTIONS * connection)


def balancer_memory(max_body: int) -> int:
    """Bytes that the balancer needs at most: each request has a buffer, and one to be tried again from."""
    return BASE_BYTES + (SMALL + LARGE) * (2 * haproxy.buffer(max_body) + CONNECTION_BYTES)
