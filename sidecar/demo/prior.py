"""A prior as one meets it in life: read a year ago, its report signed, there to compare with."""

from uuid import UUID

import pyotp
from sqlalchemy import select

from sidecar.accounts.signing import Proof
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.demo.cast import Book
from sidecar.demo.studies import DEMO
from sidecar.gate.actor import Actor, OrganisationKind, Role, system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.clock import utc_now
from sidecar.reports import service as reports
from sidecar.reports.model import Meaning
from sidecar.reports.tables import Report
from sidecar.sharing import people
from sidecar.studies.tables import Study

SHARING = ("Max Brandt", "Dr. Vic Adeyemi")
ACCESSION = DEMO["mercy"][0].accession
TEXT = {
    "technique": "CT of the chest without contrast medium, 5 mm sections.",
    "comparison": "Chest radiograph; no earlier CT.",
    "findings": "Solid nodule of 6 mm in the right upper lobe. No other nodule. No enlarged lymph nodes. Heart of normal size.",
    "impression": "Solitary solid pulmonary nodule of 6 mm in the right upper lobe.",
    "recommendation": "Follow-up CT in 12 months.",
}


def sign_prior(scopes: Scopes, book: Book, reading_group: UUID, seal: Seal) -> None:
    """Let the demo's second radiologist read and sign the prior CT with his own password and code; once."""
    login = next(each for each in book.logins if each.name == "Dr. Sam Okonkwo")
    actor = Actor(
        _user(scopes, reading_group, login.email), reading_group, Role.RADIOLOGIST, OrganisationKind.READING_GROUP, login.name
    )
    with scopes.open(actor) as scope:
        study = scope.one(select(Study).where(Study.accession_number == ACCESSION))
        if scope.session.scalar(select(Report.id).where(Report.study_id == study.id)):
            return
    with scopes.open(actor) as scope:
        report = reports.open_report(scope, study.id)
        report = reports.save_draft(scope, report.id, sections=TEXT, revision=report.revision)
        code = pyotp.TOTP(login.totp_secret).at(utc_now())
        proof = Proof(password=book.password, code=code, seal=seal)
        reports.sign(scope, report.id, proof=proof, meaning=Meaning.AUTHOR, revision=report.revision)


def share_prior(scopes: Scopes, book: Book, hospital: UUID) -> None:
    """Let the hospital's manager share it with the referrer, who as a viewer sees nothing else."""
    manager, referrer = (next((each for each in book.logins if each.name == name), None) for name in SHARING)
    if manager is None or referrer is None:  # an older demo's people
        return
    actor = Actor(_user(scopes, hospital, manager.email), hospital, Role.MANAGER, OrganisationKind.PROVIDER, manager.name)
    with scopes.open(actor) as scope:
        study = scope.one(select(Study).where(Study.accession_number == ACCESSION))
        people.share(scope, study.id, user_id=_user(scopes, hospital, referrer.email))


def _user(scopes: Scopes, organisation: UUID, email: str) -> UUID:
    with scopes.open(system_actor(organisation)) as scope:
        found: UUID = scope.one(select(User.id).where(User.email_lookup == scope.lookup.of(email)))
    return found
