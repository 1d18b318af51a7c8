"""The front's rules on who may ask, as `deploy.access` and `deploy.tls` say.

HAProxy checks them before a request reaches a release, and tells the service who asks in a header of its own.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.core.params import Access, Deploy, Jwt
from pipeline.ship.deploy.docker.answers import refusal

PROBES = ("/healthz", "/livez", "/readyz")  # open to everybody: they say whether the service runs, and no more
CLIENT = "x-pipeline-client"  # who asks, for the service's log
KEYS = "keys.map"  # in the volume `state`: hash of a key, its name and the day that it was made
TLS_FOLDER = "/tls"  # where the folder of the certificate is mounted
LEEWAY = 30  # seconds that the issuer's clock may differ
AUDIENCES = 8  # of a token, among which ours may be
NAME_LENGTH = 128
CLIENTS = 16_000  # that are counted for their rate
TLS_BYTES = 40 * 1024  # of a connection, for OpenSSL


@dataclass(frozen=True)
class Rules:
    """Parts of the front's configuration, and the files that they name, by their names in the volume `state`."""

    bind: str
    rules: str
    tables: str
    files: dict[str, str]


def rules(bounds: Deploy, issuer_keys: Sequence[str], authorities: str | None) -> Rules:
    """The parts for these settings; keys and certificates as PEM."""
    access = bounds.access
    files = {_name("jwt", key): key for key in issuer_keys}
    lines = [f"http-request del-header {CLIENT}"]
    if access.keys or access.jwt or access.rate or access.origins or authorities:
        lines.append(f"acl is_probe path {' '.join(PROBES)}")
    lines += _origins(access)
    if access.keys:
        key = "req.fhdr(x-api-key),sha2(256),hex,lower"
        lines.append(f"http-request set-var(txn.client) {key},map_str(/state/{KEYS}),field(1,@)")
    if access.jwt:
        lines += _token(access.jwt, list(files))
    if authorities:
        lines += _certificate(names_client=not access.keys and not access.jwt)
    lines += _rate(access)
    lines += _refuse(access, certificate=bool(authorities))
    clients = {_name("clients", authorities): authorities} if authorities else {}
    return Rules(_bind(bounds, list(clients)), _indented(lines), _tables(access), files | clients)


def _name(kind: str, pem: str) -> str:
    """A file's name by its content: what the running proxy has read is never overwritten."""
    return f"{kind}-{hashlib.sha256(pem.encode()).hexdigest()[:16]}.pem"


def _indented(lines: Sequence[str]) -> str:
    return "".join(f"  {line}\n" for line in lines)


def _bind(bounds: Deploy, clients: Sequence[str]) -> str:
    if not bounds.tls:
        return ""
    verify = f" ca-file /state/{clients[0]} verify optional" if clients else ""
    certificate = f"{TLS_FOLDER}/{PurePosixPath(bounds.tls.certificate).name}"
    return f" ssl crt {certificate} alpn http/1.1 ssl-min-ver TLSv1.2{verify}"


def _origins(access: Access) -> Iterator[str]:
    """CORS: a page of an allowed origin may read answers; what its browser asks first is answered here."""
    if not access.origins:
        return
    headers = "content-type,x-request-id,traceparent,x-api-key,authorization"
    yield "acl has_origin req.fhdr(origin) -m found"
    yield f"acl allowed_origin req.fhdr(origin) -m str -- {' '.join(access.origins)}"
    yield "http-request set-var(txn.origin) req.fhdr(origin) if allowed_origin"
    allowed = "if { var(txn.origin) -m found }"
    yield f"http-after-response set-header access-control-allow-origin %[var(txn.origin)] {allowed}"
    yield f"http-after-response set-header access-control-expose-headers x-request-id,retry-after {allowed}"
    yield "http-after-response add-header vary origin"
    yield refusal(403, "pages of this origin may not ask; see deploy.access.origins", "if has_origin !allowed_origin")
    yield (
        f"http-request return status 204 hdr access-control-allow-methods POST "
        f"hdr access-control-allow-headers {headers} hdr access-control-max-age 600 "
        "if METH_OPTIONS has_origin { req.hdr(access-control-request-method) -m found }"
    )


def _token(jwt: Jwt, files: Sequence[str]) -> Iterator[str]:
    """The algorithm is never the token's: HAProxy verifies by the one that is configured."""
    yield "http-request set-var(txn.token) http_auth_bearer"
    for place, name in enumerate(files):
        verify = f"http-request set-var(txn.verified) var(txn.token),jwt_verify({jwt.algorithm},/state/{name})"
        yield verify + (" unless { var(txn.verified) -m int 1 }" if place else "")
    yield "http-request set-var(txn.now) date"
    yield "http-request set-var(txn.expires) var(txn.token),jwt_payload_query('$.exp','int')"
    yield f"http-request set-var(txn.left) var(txn.expires),sub(txn.now),add({LEEWAY})"
    yield "http-request set-var(txn.begins) var(txn.token),jwt_payload_query('$.nbf','int'),sub(txn.now)"
    yield "http-request set-var(txn.subject) var(txn.token),jwt_payload_query('$.sub')"
    yield "acl token_signed var(txn.verified) -m int 1"
    yield f"acl token_signed_so var(txn.token),jwt_header_query('$.alg') -m str {jwt.algorithm}"
    yield f"acl token_issued var(txn.token),jwt_payload_query('$.iss') -m str -- '{jwt.issuer}'"
    for path in ("$.aud", *(f"$.aud[{place}]" for place in range(AUDIENCES))):
        yield f"acl token_for_us var(txn.token),jwt_payload_query('{path}') -m str -- '{jwt.audience}'"
    # The difference alone won't do: HAProxy's sum of a negative time overflows, and its patterns have no sign.
    yield "acl token_expires var(txn.expires) -m int gt 0"
    yield "acl token_valid_yet var(txn.left) -m int gt 0"
    yield f"acl token_too_early var(txn.begins) -m int gt {LEEWAY}"
    yield from _named("subject")
    valid = "token_signed token_signed_so token_issued token_for_us token_expires token_valid_yet !token_too_early"
    yield f"http-request set-var(txn.client) var(txn.subject) if {valid} subject_fits !subject_odd"


def _named(variable: str) -> Iterator[str]:
    """Only a name in one line of printable ASCII becomes a header."""
    yield f"acl {variable}_fits var(txn.{variable}) -m len 1:{NAME_LENGTH}"
    yield f"acl {variable}_odd var(txn.{variable}) -m reg '[^ -~]'"


def _certificate(*, names_client: bool) -> Iterator[str]:
    """A certificate that does not verify ends the handshake; it is asked for besides a key or token, not instead."""
    yield "http-request set-var(txn.certificate) ssl_c_s_dn(cn) if { ssl_c_used } { ssl_c_verify 0 }"
    yield from _named("certificate")
    if names_client:
        yield "http-request set-var(txn.client) var(txn.certificate) if certificate_fits !certificate_odd"


def _rate(access: Access) -> Iterator[str]:
    """Refused requests count as well: who goes on asking too often stays refused."""
    if not access.rate:
        return
    yield 'http-request set-var-fmt(txn.counted) "address %[var(txn.source)]"'
    yield 'http-request set-var-fmt(txn.counted) "name %[var(txn.client)]" if { var(txn.client) -m found }'
    yield "http-request track-sc2 var(txn.counted) table rates unless is_probe"
    allowed = f"{access.rate.requests} requests in {access.rate.seconds} s"
    yield refusal(
        429,
        f"more than {allowed}; send fewer",
        f"hdr retry-after {access.rate.seconds} if !is_probe {{ sc2_http_req_rate gt {access.rate.requests} }}",
    )


def _tables(access: Access) -> str:
    if not access.rate:
        return ""
    period = f"{access.rate.seconds}s"
    size = f"type string len {NAME_LENGTH + 8} size {CLIENTS}"
    return f"\nbackend rates\n  stick-table {size} expire {period} store http_req_rate({period})\n"


def _refuse(access: Access, *, certificate: bool) -> Iterator[str]:
    """Who is not known is refused; what proves it goes no further, and the name goes to the service."""
    ways = ["an API key in X-API-Key"] * access.keys + ["a token in Authorization: Bearer"] * bool(access.jwt)
    if certificate:
        text = "send a client certificate whose name (CN) has 1 to 128 characters of ASCII"
        yield refusal(401, text, "if !is_probe !certificate_fits or !is_probe certificate_odd")
    if ways:
        condition = "hdr www-authenticate Bearer unless is_probe or { var(txn.client) -m found }"
        yield refusal(401, f"send {' or '.join(ways)} that is valid", condition)
    if ways or certificate:
        yield f"http-request set-header {CLIENT} %[var(txn.client)] if {{ var(txn.client) -m found }}"
    if access.keys:
        yield "http-request del-header x-api-key"
    if access.jwt:
        yield "http-request del-header authorization"
