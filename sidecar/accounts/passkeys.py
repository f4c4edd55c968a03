"""Passkeys (W3C Web Authentication Level 3): made by the browser, kept here by their public key, listed, removed."""

import json
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import select
from webauthn import generate_registration_options, options_to_json, verify_registration_response
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from sidecar.accounts import addresses, events, second_factor
from sidecar.accounts.factor_tables import Passkey
from sidecar.accounts.passkey_proof import Answer, Question, descriptors, of_person
from sidecar.accounts.stepup import need_fresh
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Invalid

MOST_PASSKEYS = 10
TRANSPORTS = frozenset(each.value for each in AuthenticatorTransport)


def options(scope: Scope, seal: Seal, question: Question) -> dict[str, Any]:
    """Return the options for ``navigator.credentials.create`` of the acting person. Raises StepUp."""
    need_fresh(scope)
    user = _own(scope)
    asked = generate_registration_options(
        rp_id=question.site.host,
        rp_name="Reading Room",
        user_id=user.id.bytes,
        user_name=addresses.of(scope, seal, user),
        user_display_name=user.name,
        challenge=question.ask(),
        exclude_credentials=descriptors(of_person(scope, user)),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return cast("dict[str, Any]", json.loads(options_to_json(asked)))


def add(scope: Scope, seal: Seal, answer: Answer, *, name: str) -> Passkey:
    """Store the passkey the browser made for the acting person.

    Raises StepUp, Conflict when there are too many, Invalid when the answer does not belong to the question.
    """
    need_fresh(scope)
    user = second_factor.lock(scope, _own(scope))
    if len(of_person(scope, user)) >= MOST_PASSKEYS:
        raise Conflict(f"You have {MOST_PASSKEYS} passkeys. Remove one first.")
    made = _checked(answer)
    offered = answer.credential.get("response", {}).get("transports", [])
    passkey = Passkey(
        organisation_id=user.organisation_id,
        id=uuid4(),
        user_id=user.id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        transports=[each for each in offered if each in TRANSPORTS],
        synced=made.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        name=name,
        created_at=scope.now,
    )
    scope.session.add(passkey)
    scope.session.flush()
    scope.emit(events.PasskeyAdded(organisation_id=user.organisation_id, user_id=user.id, passkey_id=passkey.id))
    second_factor.tell(scope, seal, user, f"A passkey was added to your account: {name}.")
    return passkey


def remove(scope: Scope, seal: Seal, passkey_id: UUID) -> Passkey:
    """Accept one of the acting person's passkeys no more. Raises StepUp; Missing for anybody else's."""
    need_fresh(scope)
    user = _own(scope)
    passkey: Passkey = scope.one(select(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == user.id))
    scope.session.delete(passkey)
    scope.emit(events.PasskeyRemoved(organisation_id=user.organisation_id, user_id=user.id, passkey_id=passkey.id))
    second_factor.tell(scope, seal, user, f"A passkey was removed from your account: {passkey.name}.")
    return passkey


def _checked(answer: Answer) -> VerifiedRegistration:
    question = answer.question
    try:
        return verify_registration_response(
            credential=answer.credential,
            expected_challenge=question.asked(),
            expected_rp_id=question.site.host,
            expected_origin=question.site.origin,
            require_user_verification=True,
        )
    except WebAuthnException as fault:
        raise Invalid("The passkey was not accepted. Try again.") from fault


def _own(scope: Scope) -> User:
    user: User = scope.one(select(User).where(User.id == scope.user_id))
    return user
