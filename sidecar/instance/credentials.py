"""Secrets of an instance: random, made at first run, one file each, never printed."""

import base64
import secrets
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sidecar.instance.layout import Layout, write_private


def _password() -> bytes:
    """Return 192 random bits that need no quoting in a URL, a configuration file or SQL."""
    return secrets.token_hex(24).encode()


def _signing_key() -> bytes:
    """Return a new Ed25519 private key (RFC 8032) as PKCS #8 PEM: for tokens, or for checkpoints."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _key_32() -> bytes:
    """Return 32 random bytes in urlsafe base64: what Fernet takes."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32))


MAKERS: dict[str, Callable[[], bytes]] = {
    "session_key": _key_32,
    "totp_key": _key_32,
    "pepper": _key_32,
    "lookup_key": _key_32,
    "cell_signing_key.pem": _signing_key,
    "checkpoint_key.pem": _signing_key,
    "access_signing_key.pem": _signing_key,
    "postgres_superuser": _password,
    "postgres_owner": _password,
    "postgres_app": _password,
    "redis": _password,
}


def complete(layout: Layout) -> bool:
    """Tell whether every secret exists."""
    return all((layout.secrets / name).is_file() for name in MAKERS)


def make_missing(layout: Layout) -> None:
    """Make those that do not exist. Existing ones are never replaced: data is sealed with them."""
    for name, make in MAKERS.items():
        path = layout.secrets / name
        if not path.exists():
            write_private(path, make())


def read(layout: Layout, name: str) -> str:
    """Return one secret as text."""
    return (layout.secrets / name).read_text().strip()
