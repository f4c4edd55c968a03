"""Coming in with the organisation's code: ask, show that the address is yours, wait for somebody's approval."""

import secrets
from uuid import UUID, uuid4

from sqlalchemy import select

from sidecar.accounts import addresses, letters, links, member_events, passwords, policy
from sidecar.accounts.events import UserInvited
from sidecar.accounts.links import Purpose
from sidecar.accounts.member_tables import Registration
from sidecar.accounts.office import Office
from sidecar.accounts.passwords import Kept
from sidecar.accounts.service import INVITATION_LIFE, at_address, invitation_hash
from sidecar.accounts.tables import User
from sidecar.gate.actor import Role
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.notifications.service import notify
from sidecar.organisations.tables import Organisation

USERS_PAGE = "/admin/users"


def ask(scope: Scope, office: Office, *, email: str, name: str, kept: Kept) -> None:
    """Note that somebody asks for an account of the scope's organisation. Whoever has one is told so by mail, and only there.

    The scope is inside the organisation, in nobody's name. Nothing comes back: a guest must not see what was found.
    """
    house = organisation_name(scope, scope.organisation_id)
    if at_address(scope, scope.organisation_id, email) is not None:
        office.write(scope, scope.organisation_id, email, letters.already_a_member(house))
        return
    row = scope.session.scalar(select(Registration).where(Registration.email_lookup == scope.lookup.of(email)))
    if row and row.verified_at:
        office.write(scope, scope.organisation_id, email, letters.still_waiting(house))
        return
    if row is None:
        row = Registration(organisation_id=scope.organisation_id, id=uuid4())
        addresses.keep(scope, office.seal, row, email)
        scope.session.add(row)
    row.name, row.password_hash, row.password_pepper, row.created_at = name, kept.hash, kept.pepper, scope.now
    scope.session.flush()
    scope.emit(member_events.RegistrationAsked(organisation_id=row.organisation_id, registration_id=row.id))
    if not office.mails:  # nobody can show that an address is theirs; whoever approves knows the person
        _tell_approvers(scope, row)
        return
    purpose = Purpose.REGISTRATION
    token = links.make(scope, office.seal, organisation_id=row.organisation_id, purpose=purpose, subject_id=row.id, email=email)
    office.write(scope, row.organisation_id, email, letters.verify_registration(house), path=f"/verify/{token}")


def verify(scope: Scope, registration_id: UUID) -> None:
    """Note that the address is theirs, and tell who approves. The scope is inside the organisation; the link was used up."""
    row: Registration = scope.one(select(Registration).where(Registration.id == registration_id))
    if row.verified_at is None:
        row.verified_at = scope.now
        scope.emit(member_events.RegistrationVerified(organisation_id=row.organisation_id, registration_id=row.id))
        _tell_approvers(scope, row)


def waiting(scope: Scope, organisation_id: UUID) -> list[Registration]:
    """Return who waits for approval, the first comer first."""
    asked = select(Registration).where(Registration.organisation_id == organisation_id)
    return list(scope.session.scalars(asked.order_by(Registration.created_at)))


def approve(scope: Scope, office: Office, registration_id: UUID, *, role: Role) -> tuple[User, str]:
    """Make the account; return it with the token of its single-use link, which adds the authenticator.

    The link is mailed, where mail leaves this house. Raises Denied when the actor may not give this role, Conflict while the
    address is not shown to be theirs.
    """
    row: Registration = scope.one(select(Registration).where(Registration.id == registration_id))
    house = scope.session.scalars(select(Organisation).where(Organisation.id == row.organisation_id)).one()
    policy.need_may_give(scope.actor, role, kind=house.kind)
    if office.mails and row.verified_at is None:
        raise Conflict(f"{row.name} has not confirmed the e-mail address yet.")
    address = addresses.of(scope, office.seal, row)
    if at_address(scope, row.organisation_id, address) is not None:
        raise Conflict("Somebody with this e-mail address is already in the organisation.")
    token = secrets.token_urlsafe(32)
    user = User(
        organisation_id=row.organisation_id,
        id=uuid4(),
        name=row.name,
        role=role.value,
        zone="",
        password_hash=row.password_hash,
        password_pepper=row.password_pepper,
        totp_last_step=0,
        invitation_hash=invitation_hash(token),
        invitation_expires_at=scope.now + INVITATION_LIFE,
        approved_by=scope.user_id,
        created_at=scope.now,
    )
    addresses.keep(scope, office.seal, user, address)
    scope.session.add(user)
    _close(scope, row)
    where = user.organisation_id
    scope.emit(
        member_events.RegistrationApproved(
            organisation_id=where, registration_id=registration_id, user_id=user.id, role=role.value
        )
    )
    scope.emit(UserInvited(organisation_id=where, user_id=user.id, role=role.value))
    office.write(scope, user.organisation_id, address, letters.approved(user.name, house.name), path=f"/invitation/{token}")
    return user, token


def decline(scope: Scope, office: Office, registration_id: UUID) -> str:
    """Send somebody away; return their name."""
    row: Registration = scope.one(select(Registration).where(Registration.id == registration_id))
    house = organisation_name(scope, row.organisation_id)
    scope.emit(member_events.RegistrationDeclined(organisation_id=row.organisation_id, registration_id=row.id))
    if row.verified_at:
        office.write(scope, row.organisation_id, addresses.of(scope, office.seal, row), letters.declined(row.name, house))
    _close(scope, row)
    return row.name


def check(*, email: str, name: str, house: str, password: str) -> Kept:
    """Return what to keep of a newcomer's password; Invalid when it is too easily guessed. Looks at nothing else."""
    if fault := passwords.fault(password, context=passwords.context_of(email, name, house)):
        raise Invalid(fault)
    return passwords.KEEPER.keep(password)


def organisation_name(scope: Scope, organisation_id: UUID) -> str:
    """Return what an organisation is called in letters."""
    name: str = scope.one(select(Organisation.name).where(Organisation.id == organisation_id))
    return name


def _close(scope: Scope, row: Registration) -> None:
    links.withdraw(scope, row.id)
    scope.session.delete(row)
    scope.session.flush()


def _tell_approvers(scope: Scope, row: Registration) -> None:
    people = select(User).where(User.organisation_id == row.organisation_id, User.disabled_at.is_(None))
    for each in scope.session.scalars(people.where(User.role.in_([Role.ADMIN.value, Role.MANAGER.value]))):
        notify(
            scope,
            organisation_id=each.organisation_id,
            user_id=each.id,
            kind="accounts.registration",
            text=f"{row.name} asks for an account.",
            href=USERS_PAGE,
        )
