"""A forgotten password: a link to whoever reads the account's mail, good once for half an hour. The second factor stays."""

from uuid import UUID

from sqlalchemy import select

from sidecar.accounts import addresses, letters, links, member_events, service
from sidecar.accounts.ending import end_everywhere
from sidecar.accounts.links import Purpose
from sidecar.accounts.members import present
from sidecar.accounts.office import Office
from sidecar.accounts.tables import User
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Missing


def accounts_of(scope: Scope, email: str) -> list[tuple[UUID, UUID]]:
    """Return (organisation, person) of every open account with this address. The scope was opened for it."""
    good = (User.email_lookup == scope.lookup.of(email), User.disabled_at.is_(None), User.password_hash.is_not(None))
    return [
        (organisation, user) for organisation, user in scope.session.execute(select(User.organisation_id, User.id).where(*good))
    ]


def send(scope: Scope, office: Office, user_id: UUID) -> None:
    """Send the link to the account's address. The scope is inside the person's organisation."""
    user = present(scope, user_id)
    token = _link(scope, office, user, by="owner")
    office.write_to(scope, user, letters.reset(user.name), path=f"/reset/{token}")


def hand_over(scope: Scope, office: Office, user_id: UUID) -> str:
    """Return the token of a link that an administrator hands over, where no mail leaves this house; Conflict where it does.

    Whoever holds it may choose the password, so who the person is has to be confirmed anew before their next signature.
    """
    user = present(scope, user_id)
    if office.mails:
        raise Conflict("Let them ask for the link at the sign-in page: it is sent to their own address.")
    if user.disabled_at or user.password_hash is None:
        raise Conflict("This account has no password to replace.")
    user.identity_verified_at = user.identity_verified_by = None
    return _link(scope, office, user, by="administrator")


def choose(scope: Scope, office: Office, *, token: str, password: str) -> None:
    """Use the link up and set the password; every session ends. The scope acts as the link's person (see ``guests``).

    Raises:
        Missing: used, too old, replaced, or another's. Invalid: a bad password; the link stays good.
    """
    found = links.find(scope, token, Purpose.RESET)
    user = present(scope, found.subject_id)
    same = addresses.of(scope, office.seal, user) == addresses.of(scope, office.seal, found)
    if user.disabled_at or not same or user.id != scope.user_id:
        raise Missing(links.SPENT)
    service.set_password(scope, office.seal, user, password)
    links.use(scope, token, Purpose.RESET)
    links.withdraw(scope, user.id, Purpose.RESET)
    scope.session.flush()
    scope.emit(member_events.PasswordChanged(organisation_id=user.organisation_id, user_id=user.id, by="link"))
    end_everywhere(scope, office.redis, user.id)
    office.write_to(scope, user, letters.password_changed(user.name))


def _link(scope: Scope, office: Office, user: User, *, by: str) -> str:
    scope.emit(member_events.ResetAsked(organisation_id=user.organisation_id, user_id=user.id, by=by))
    house, address = user.organisation_id, addresses.of(scope, office.seal, user)
    return links.make(scope, office.seal, organisation_id=house, purpose=Purpose.RESET, subject_id=user.id, email=address)
