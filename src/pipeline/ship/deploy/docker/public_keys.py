"""The files beside params.yaml that `deploy.access` and `deploy.tls` name, as the proxy reads them."""

import json
import ssl
import time
import warnings
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy, Jwt

MAX_KEYS = 8  # each may be tried on a token
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
MIN_BITS = 2048  # of an RSA key (RFC 7518)


def read(bounds: Deploy, folder: Path = Path()) -> tuple[list[str], str | None]:
    """(the issuer's public keys, the authorities of clients' certificates), as PEM; PipelineError for a bad file."""
    jwt, tls = bounds.access.jwt, bounds.tls
    keys = issuer_keys(jwt, folder / jwt.keys) if jwt else []
    return keys, authorities(folder / tls.clients) if tls and tls.clients else None


def issuer_keys(jwt: Jwt, path: Path) -> list[str]:
    """The keys of a JWKS that verify tokens of the algorithm, each as PEM, in the file's order."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

    place = f"deploy.access.jwt.keys: {path}"
    text = _text(place, path)
    try:
        with warnings.catch_warnings(action="ignore"):  # of short keys, which are refused below
            keys = KeySet.import_key_set(json.loads(text)).keys
    except (ValueError, TypeError, KeyError, AttributeError, JoseError) as error:
        reason = str(error) or type(error).__name__
        raise PipelineError(f"{place}: is no JWKS ({reason}); allowed: an object with keys") from None
    if any(isinstance(key, OctKey) or key.is_private for key in keys):
        raise PipelineError(f"{place}: holds a secret; allowed: public keys alone, as a repository holds no secret")
    curve = CURVES.get(jwt.algorithm)
    fitting = [
        key
        for key in keys
        if (isinstance(key, ECKey) and key.curve_name == curve if curve else isinstance(key, RSAKey))
        and key.get("use", "sig") == "sig"
        and key.get("alg", jwt.algorithm) == jwt.algorithm
    ]
    if not 0 < len(fitting) <= MAX_KEYS:
        number = len(fitting) or "no"
        raise PipelineError(f"{place}: has {number} keys for {jwt.algorithm}; allowed: 1 to {MAX_KEYS}")
    if any(isinstance(key, RSAKey) and key.raw_value.key_size < MIN_BITS for key in fitting):
        raise PipelineError(f"{place}: has an RSA key of less than {MIN_BITS} bits; allowed: {MIN_BITS} or more")
    return [key.as_pem(private=False).decode() for key in fitting if not isinstance(key, OctKey)]


def authorities(path: Path) -> str:
    """The certificates of a file, as PEM; PipelineError where it has none."""
    place = f"deploy.tls.clients: {path}"
    text = _text(place, path)
    if "PRIVATE KEY" in text:
        raise PipelineError(f"{place}: holds a private key; allowed: certificates alone")
    try:
        certificates = _certificates(text)
    except (ssl.SSLError, ValueError) as error:
        raise PipelineError(f"{place}: holds no certificate ({error}); allowed: PEM") from None
    if not certificates:
        raise PipelineError(f"{place}: holds no certificate of an authority; allowed: one with CA:TRUE")
    return text


def refuse_expired(place: str, text: str) -> None:
    """PipelineError where a certificate has expired."""
    for certificate in _certificates(text):
        if ssl.cert_time_to_seconds(str(certificate["notAfter"])) < time.time():
            raise PipelineError(
                f"{place}: a certificate has expired ({certificate['notAfter']}); put the new one there"
            )


def _certificates(text: str) -> list[Any]:
    """The certificates of authorities in a text; ssl.SSLError or ValueError where it has no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=text)
    return context.get_ca_certs()


def _text(place: str, path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise PipelineError(f"{place}: can't be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise PipelineError(f"{place}: is no text file") from None
