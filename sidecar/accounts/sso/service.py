"""Single sign-on: an organisation sets its provider; the provider's word leads to an account of that organisation, or nowhere.

No account is made here, and none of another organisation is looked at: everything happens inside one wall. An address counts
only when the provider says that it verified it, and only until its ``sub`` is linked: then the ``sub`` alone decides.
"""

from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select

from sidecar.accounts import second_factor
from sidecar.accounts.seconds import DECIDING
from sidecar.accounts.sso.events import SsoLinked, SsoRefused, SsoRemoved, SsoSet
from sidecar.accounts.sso.tables import SsoProvider, SsoSubject
from sidecar.accounts.tables import User
from sidecar.adapters.oidc import Client, Identity
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid, Missing
from sidecar.notifications.service import notify
from sidecar.organisations.tables import Organisation
from sidecar.vault import service as vault

FIRST_TIME = (
    "Your organisation's single sign-on was used for your account for the first time. If that was not you, tell an administrator"
    " whom you know at once."
)


def provider_of(scope: Scope) -> SsoProvider | None:
    """Return the provider of the scope's organisation."""
    return scope.session.get(SsoProvider, scope.organisation_id)


def set_provider(  # noqa: PLR0913 - one form
    scope: Scope, seal: Seal, *, issuer: str, client_id: str, client_secret: str, required: bool, trusted_proofs: list[str]
) -> SsoProvider:
    """Set the acting organisation's provider; an empty secret keeps the one that is there. Raises Invalid for no address."""
    written, house = issuer.strip(), scope.organisation_id
    parts = urlsplit(written)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise Invalid("Write the provider's address as it calls itself, such as https://login.hospital.org/realm.")
    provider = provider_of(scope)
    if provider is None:
        provider = SsoProvider(
            organisation_id=house, client_secret_sealed=vault.close(scope, seal, house, b"", place=_place(house))
        )
    if client_secret:
        provider.client_secret_sealed = vault.close(scope, seal, house, client_secret.encode(), place=_place(house))
    provider.issuer, provider.client_id = written, client_id.strip()
    provider.required, provider.trusted_proofs = required, sorted({each.strip() for each in trusted_proofs if each.strip()})
    provider.changed_at = scope.now
    scope.session.add(provider)
    proofs = tuple(provider.trusted_proofs)
    scope.emit(SsoSet(organisation_id=house, issuer=written, required=required, trusted_proofs=proofs))
    _tell_deciders(scope, house, f"set single sign-on: {parts.hostname} says from now on who somebody is.")
    return provider


def remove_provider(scope: Scope, organisation_id: UUID) -> None:
    """Let an organisation's people sign in with passwords only, as before: by its administrator, or the platform's.

    The platform's can, because an organisation whose provider fails and that wants no passwords has locked itself out.
    """
    provider: SsoProvider = scope.one(select(SsoProvider).where(SsoProvider.organisation_id == organisation_id))
    scope.session.delete(provider)
    scope.emit(SsoRemoved(organisation_id=organisation_id))
    _tell_deciders(scope, organisation_id, "removed single sign-on: everybody signs in with the password again.")


def all_providers(scope: Scope) -> list[tuple[SsoProvider, Organisation]]:
    """Return every provider the actor may remove with its organisation: one's own, for the platform all."""
    joined = select(SsoProvider, Organisation).join(Organisation, Organisation.id == SsoProvider.organisation_id)
    return [(provider, house) for provider, house in scope.session.execute(joined.order_by(Organisation.name))]


def client_of(scope: Scope, seal: Seal, *, public_url: str) -> Client:
    """Return what the house is to the organisation's provider; Missing where there is none."""
    provider = provider_of(scope)
    if provider is None:
        raise Missing
    house = scope.organisation_id
    secret = vault.open_sealed(scope, seal, house, provider.client_secret_sealed, place=_place(house)).decode()
    return Client(provider.issuer, provider.client_id, secret, callback_url(public_url, house))


def callback_url(public_url: str, organisation_id: object) -> str:
    """Return where the provider sends people back to: an address for each organisation, so that none answers for another."""
    return f"{public_url}/sso/{organisation_id}/callback"


def admit(scope: Scope, seal: Seal, identity: Identity) -> User | None:
    """Return whose account this is, linking it the first time; None, on record, for whoever has none that may be used here.

    A person is told of the first time: the provider is as good as the administrator who set it.
    """
    linked = scope.session.scalar(
        select(SsoSubject).where(SsoSubject.issuer == identity.issuer, SsoSubject.subject == identity.subject)
    )
    user = _linked(scope, linked) if linked else _by_address(scope, identity)
    if user is None:
        scope.emit_refusal(SsoRefused(organisation_id=scope.organisation_id, reason="no-account"))
        return None
    if linked is None:
        scope.session.add(
            SsoSubject(
                organisation_id=user.organisation_id, issuer=identity.issuer, subject=identity.subject, user_id=user.id,
                linked_at=scope.now,
            )
        )  # fmt: skip
        scope.emit(SsoLinked(organisation_id=user.organisation_id, user_id=user.id))
        second_factor.tell(scope, seal, user, FIRST_TIME)
    return user


def counts_as_second_factor(provider: SsoProvider, identity: Identity) -> bool:
    """Say whether the organisation takes what the provider names as its second factor."""
    return bool(identity.proofs & frozenset(provider.trusted_proofs))


def _tell_deciders(scope: Scope, organisation_id: UUID, what: str) -> None:
    """Tell those who decide with the actor who may do what, and whom a provider could pass the actor off as."""
    who = "The platform's administrator" if scope.actor.organisation_id != organisation_id else scope.actor.name
    others = select(User).where(User.organisation_id == organisation_id, User.disabled_at.is_(None), User.deleted_at.is_(None))
    for each in scope.session.scalars(others.where(User.role.in_(DECIDING), User.id.is_distinct_from(scope.actor.user_id))):
        notify(scope, organisation_id=organisation_id, user_id=each.id, kind="accounts.sso", text=f"{who} {what}")


def _linked(scope: Scope, linked: SsoSubject) -> User | None:
    return _in_use(scope, User.id == linked.user_id)


def _by_address(scope: Scope, identity: Identity) -> User | None:
    """Return who has the verified address, unless that account is somebody else's to this provider already."""
    if not identity.email or not identity.email_verified:
        return None
    user = _in_use(scope, User.email_lookup == scope.lookup.of(identity.email))
    if user is None:
        return None
    taken = select(SsoSubject.subject).where(SsoSubject.issuer == identity.issuer, SsoSubject.user_id == user.id)
    return None if scope.session.scalar(taken) is not None else user


def _in_use(scope: Scope, which: object) -> User | None:
    """Return a member of the scope's organisation who was enrolled and is not shut out."""
    found: User | None = scope.session.scalar(
        select(User).where(
            User.organisation_id == scope.organisation_id, which, User.disabled_at.is_(None), User.deleted_at.is_(None),  # type: ignore[arg-type]
            User.password_hash.is_not(None),
        )
    )  # fmt: skip
    return found


def _place(organisation_id: object) -> str:
    return f"sso_providers|{organisation_id}|client_secret"
