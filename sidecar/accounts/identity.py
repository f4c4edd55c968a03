"""What a person changes about themselves: name, e-mail address, password. Each shows first, moments ago, that it is them."""

from sidecar.accounts import addresses, letters, links, member_events, service
from sidecar.accounts.ending import end_everywhere
from sidecar.accounts.events import SignInFailed
from sidecar.accounts.links import Purpose
from sidecar.accounts.member_tables import AccountToken
from sidecar.accounts.members import present
from sidecar.accounts.office import Office
from sidecar.accounts.registration import organisation_name
from sidecar.accounts.stepup import need_fresh
from sidecar.accounts.tables import User
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Invalid, Missing

WRONG = "This is not your present password."


def change_name(scope: Scope, name: str) -> User:
    """Take another name: printed under what is signed from now on. Raises StepUp."""
    need_fresh(scope)
    user = present(scope, scope.user_id)
    if user.name != name:
        user.name = name
        scope.emit(member_events.NameChanged(organisation_id=user.organisation_id, user_id=user.id))
    return user


def change_password(scope: Scope, office: Office, *, current: str, new: str) -> None:
    """Take another password; every other session ends. Raises StepUp; Invalid for a wrong or a bad one."""
    need_fresh(scope)
    user = present(scope, scope.user_id)
    _need_password(scope, user, current)
    service.set_password(scope, office.seal, user, new)
    links.withdraw(scope, user.id, Purpose.RESET)
    scope.session.flush()
    scope.emit(member_events.PasswordChanged(organisation_id=user.organisation_id, user_id=user.id, by="password"))
    end_everywhere(scope, office.redis, user.id, keep=scope.actor.session)
    office.write_to(scope, user, letters.password_changed(user.name))


def change_address(scope: Scope, office: Office, email: str, *, current: str) -> bool:
    """Name another e-mail address; True when it counts at once, False when a link was sent there that confirms it.

    Asks the password: who reads the address chooses a new one, so the second factor alone (a session found open, or an
    organisation's own provider vouching for it) would end in both components of a signature.
    Whether somebody else has it is told to that address only. Raises StepUp; Invalid for a wrong password; Conflict when no
    mail leaves this house and the address is taken.
    """
    need_fresh(scope)
    user = present(scope, scope.user_id)
    _need_password(scope, user, current)
    if not office.mails:
        _take_address(scope, office, user, email)
        return True
    scope.emit(member_events.AddressChangeAsked(organisation_id=user.organisation_id, user_id=user.id))
    house, purpose = user.organisation_id, Purpose.EMAIL
    if _taken(scope, user, email):
        office.write(scope, house, email, letters.already_a_member(organisation_name(scope, house)))
        return False
    token = links.make(scope, office.seal, organisation_id=house, purpose=purpose, subject_id=user.id, email=email)
    office.write(scope, house, email, letters.confirm_address(user.name), path=f"/verify/{token}")
    office.write_to(scope, user, letters.address_changing(user.name))
    return False


def confirm_address(scope: Scope, office: Office, link: AccountToken) -> None:
    """Let the address count that a link (just used up) proves; every session ends. The scope acts as the link's person."""
    user = present(scope, link.subject_id)
    if user.disabled_at or user.id != scope.user_id:
        raise Missing(links.SPENT)
    _take_address(scope, office, user, addresses.of(scope, office.seal, link))


def _need_password(scope: Scope, user: User, given: str) -> None:
    """Raise Invalid unless this is the person's password; a wrong one is on record as at sign-in."""
    if not service.right_password(user, given):
        scope.emit_refusal(SignInFailed(organisation_id=user.organisation_id, user_id=user.id, factor="password"))
        raise Invalid(WRONG)


def _take_address(scope: Scope, office: Office, user: User, email: str) -> None:
    if scope.lookup.of(email) == user.email_lookup:
        raise Invalid("This is your address already.")
    if _taken(scope, user, email):
        raise Conflict("Somebody else in your organisation has this address.")
    addresses.keep(scope, office.seal, user, email)
    links.withdraw(scope, user.id)
    scope.session.flush()
    scope.emit(member_events.AddressChanged(organisation_id=user.organisation_id, user_id=user.id))
    end_everywhere(scope, office.redis, user.id, keep=scope.actor.session)


def _taken(scope: Scope, user: User, email: str) -> bool:
    other = service.at_address(scope, user.organisation_id, email)
    return other is not None and other.id != user.id
