"""What a request brings to prove its person: codes, passkeys, and the tools to check them with."""

import json
import re
from typing import Any, cast

from flask import current_app, request, session
from redis import Redis

from sidecar.accounts.passkey_proof import Answer, Question, Site
from sidecar.accounts.signing import Proof
from sidecar.adapters.cell_tokens import session_hash
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid

OWN_PATH = re.compile(r"/(?!/)[!-\[\]-~]*")
"""Printable ASCII without space and backslash: browsers drop tabs and line ends, and read ``/\\x`` as ``//x``, another site."""
LONGEST_ANSWER = 20_000
"""Characters of a passkey's answer; registrations with an attestation stay well below."""


def seal() -> Seal:
    """Return this application's master key."""
    return cast("Seal", current_app.extensions["readingroom.seal"])


def redis() -> Redis:
    """Return this application's Redis."""
    return cast("Redis", current_app.extensions["readingroom.redis"])


def site() -> Site:
    """Return whom passkeys are for: the public address, whatever the request calls us."""
    return Site.of(current_app.extensions["readingroom.settings"].public_url)


def anonymous_session() -> str:
    """Return the name under which somebody not signed in yet is asked for a passkey: their cookie's hash."""
    return session_hash(str(session.sid))  # type: ignore[attr-defined]


def next_page() -> str:
    """Return where to go afterwards, named in ``?next=``: a path of our own, never another site."""
    wanted = request.args.get("next", "/")
    return wanted if OWN_PATH.fullmatch(wanted) else "/"


def question(*, asker: str, purpose: str) -> Question:
    """Return a question for a passkey, or what was asked: in the session ``asker``, for ``purpose`` only."""
    return Question(redis(), site(), asker, purpose)


def passkey_answer(text: str, asked: Question) -> Answer:
    """Return what the browser's script sent of ``PublicKeyCredential.toJSON``; Invalid when it is no such thing."""
    if len(text) > LONGEST_ANSWER:
        raise Invalid("The passkey's answer is too long.")
    try:
        credential = json.loads(text)
    except json.JSONDecodeError as fault:
        raise Invalid("The passkey's answer cannot be read.") from fault
    if not isinstance(credential, dict):
        raise Invalid("The passkey's answer cannot be read.")
    return Answer(credential, asked)


def signature(scope: Scope, body: dict[str, Any], *, of: str) -> Proof:
    """Return what the signer gave for the thing ``of``: ``password``, ``code``, and ``passkey`` as the browser's JSON text."""
    password, code, passkey = (body.get(name) or "" for name in ("password", "code", "passkey"))
    if not all(isinstance(each, str) for each in (password, code, passkey)):
        raise Invalid("password, code and passkey are text")
    answer = passkey_answer(passkey, question(asker=scope.actor.session, purpose=f"sign {of}")) if passkey else None
    return Proof(password, code, seal(), redis(), answer)
