"""A new authenticator being set up in a browser: its secret waits, sealed, in the session, and is drawn once.

Who reloads the page, or comes back to it, gets another secret; the one drawn before is void.
"""

import base64
import io

import pyotp
import segno
from flask import session

from sidecar.accounts import asking, second_factor

PLACE = "session|enrolling|totp"


def offer(address: str) -> dict[str, str]:
    """Return a new secret with its otpauth:// link and QR code (SVG), for the page that shows them this once.

    ``address`` is the person's, under which an authenticator lists it.
    """
    secret = pyotp.random_base32()
    session["enrolling"] = base64.b64encode(asking.seal().close(secret.encode(), place=PLACE)).decode()
    uri = second_factor.provisioning_uri(address, secret)
    drawing = io.BytesIO()
    segno.make(uri, error="m").save(drawing, kind="svg", xmldecl=False, svgclass="qr", lineclass=None, border=2, omitsize=True)
    return {"secret": secret, "uri": uri, "qr": drawing.getvalue().decode()}


def offered() -> str | None:
    """Return the secret that was drawn last in this session, or None."""
    sealed = session.get("enrolling")
    return asking.seal().open(base64.b64decode(sealed), place=PLACE).decode() if sealed else None


def forget() -> None:
    """The secret is in use, or not wanted any more."""
    session.pop("enrolling", None)
