"""The balancer's configuration, and the counts of both sides from its log lines."""

import hashlib
import re
from collections.abc import Iterable

from pipeline.ship.deploy.evidence import Latencies, Side

SLOTS = ("a", "b")
HEADER_BYTES = 16_384  # that a request may need besides its body
OPERATOR_PORT = 8081  # in the container
FRONT_SOCKET = "front-metrics.sock"  # in the volume `run`: where the front gives its metrics
CONFIGURATION = """\
# Written by `pipeline deploy`, which replaces it. It always gives the champion all traffic: a candidate's share
# lives in the running proxy alone, under a lease (lease.lua).
# champion: {champion} {slot}
global
  description {description}
  stats socket /run/proxy/admin.sock mode 600 level admin
  stats timeout 1d
  tune.bufsize {buffer}
  nbthread 2
  maxconn 500
  lua-load /state/lease.lua
  lua-load /state/metrics.lua
  log ring@requests format raw local0

ring requests
  format raw
  maxlen 200
  size 4194304

resolvers docker
  parse-resolv-conf
  hold valid 1s
  hold obsolete 5s

defaults
  mode http
  log global
  log-format "%s %ST %Tr %rc %ts"
  option http-buffer-request
  option redispatch 1
  retries 3
  retry-on all-retryable-errors 500
  timeout connect 2s
  timeout client 60s
  timeout server 30s
  timeout queue 10s
  timeout http-request 30s
  timeout http-keep-alive 60s

frontend public
  bind unix@/run/proxy/requests.sock mode 600
  bind :8080 name direct  # published by the container of an earlier version alone, which has no front
  http-request del-header x-pipeline-client if {{ so_name direct }}  # nobody has checked it
  http-request del-header x-pipeline-replay
  http-request set-log-level silent unless {{ path /predict /explain }}  # a probe is no evidence
  default_backend service

frontend operators
  bind :{operator_port}
  http-request set-log-level silent
  http-request deny deny_status 405 unless METH_GET
  http-request use-service prometheus-exporter if {{ path /balancer/metrics }}
  http-request use-service lua.deployment if {{ path /deployment/metrics }}
{empty}
  http-request set-var(txn.slot) path,field(2,/) if {{ path_beg /a/ /b/ }}
  http-request replace-path /[ab](/.*) \\1
  # The other slot may have answered in place of one that does not.
  http-response return status 503 if {{ var(txn.slot) -m found }} !{{ srv_name,strcmp(txn.slot) eq 0 }}
  use_backend front if {{ path /front/metrics }}
  default_backend service

backend front
  server front unix@/run/proxy/{front_socket}

backend service
  balance random(1)
  option httpchk GET /readyz
  timeout check 8s
  default-server check inter 1s fall 6 rise 1 resolvers docker init-addr last,libc,none
  use-server a if {{ var(txn.slot) -m str a }}
  use-server b if {{ var(txn.slot) -m str b }}
  # Where no server passes its check, one that is only slow is used all the same.
  acl none nbsrv eq 0
  force-persist if none
  use-server a if none {{ srv_uweight(a) gt 0 }} {{ lua.slow(a) -m bool }}
  use-server b if none {{ srv_uweight(b) gt 0 }} {{ lua.slow(b) -m bool }}
{servers}
"""

EMPTY = (  # a slot that waits for a candidate has no metrics, and is not down
    '  http-request return status 200 content-type "text/plain; version=0.0.4" string "# no release is here\\n" '
    "if {{ path /{slot}/metrics }} {{ srv_uweight(service/{slot}) eq 0 }} !{{ srv_is_up(service/{slot}) }}"
)


def configuration(champion: str, slot: str, host: str, max_body: int) -> str:
    """The file on disk: the champion's host in its slot with all weight; the other slot waits for a candidate.

    A request whose body has up to `max_body` bytes can be tried again on the other side.
    """
    # What has no release yet is not asked for at the start: where no name server answers, that would take 20 s.
    servers = (
        f"  server {name} {host}:3000 weight 256"
        if name == slot
        else f"  server {name} none.invalid:3000 weight 0 init-addr none"
        for name in SLOTS
    )
    return CONFIGURATION.format(
        champion=champion,
        slot=slot,
        description=description(max_body),
        buffer=buffer(max_body),
        operator_port=OPERATOR_PORT,
        front_socket=FRONT_SOCKET,
        empty="\n".join(EMPTY.format(slot=name) for name in SLOTS),
        servers="\n".join(servers),
    )


def buffer(max_body: int) -> int:
    """Bytes of a buffer, which takes a whole request."""
    return max_body + HEADER_BYTES


def description(max_body: int) -> str:
    """The text by which a running balancer names the configuration that it started with."""
    return f"serve.max_body {max_body} configuration {hashlib.sha256(CONFIGURATION.encode()).hexdigest()[:12]}"


def champion(text: str | None) -> tuple[str, str] | None:
    """The champion and its slot, as a configuration names them."""
    match = re.search(r"^# champion: (\S+) (\S+)$", text or "", re.MULTILINE)
    return (match[1], match[2]) if match else None


def other_slot(slot: str) -> str:
    return SLOTS[1 - SLOTS.index(slot)]


def count(lines: Iterable[str], slot: str) -> tuple[Side, Side]:
    """(the side in that slot, the other one) from lines of `log-format`.

    A request that was retried on the other side counts as failed on the first, though its client never saw that.
    """
    sides = {name: _Counter() for name in SLOTS}
    for line in lines:
        parts = line.split()
        if len(parts) != 5 or parts[0] not in sides:
            continue
        server, status, milliseconds, retries, termination = parts
        if retries.startswith("+"):
            sides[other_slot(server)].add_failure()
        if termination[0] not in "CcPRr":  # the client went away, or the proxy refused it
            sides[server].add(int(status), int(milliseconds), retried=retries != "0")
    return sides[slot].side(), sides[other_slot(slot)].side()


class _Counter:
    def __init__(self) -> None:
        self.requests = self.errors = self.refused = 0
        self.milliseconds: list[float] = []

    def add_failure(self) -> None:
        self.requests += 1
        self.errors += 1

    def add(self, status: int, milliseconds: int, *, retried: bool) -> None:
        self.requests += 1
        self.errors += status >= 500 or status < 100
        self.refused += 400 <= status < 500
        if milliseconds >= 0 and not retried and status < 400:
            self.milliseconds.append(milliseconds)

    def side(self) -> Side:
        return Side(self.requests, self.errors, self.refused, Latencies.of(self.milliseconds))
