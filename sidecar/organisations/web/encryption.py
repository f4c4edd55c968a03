"""DICOM over TLS for the own hospital: its authority, the certificates of its callers, the port without TLS."""

from typing import cast
from uuid import UUID

from flask import Response, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.adapters.certificates import as_pkcs12
from sidecar.adapters.seals import Seal
from sidecar.gate.forms import Filled, Model, read
from sidecar.gate.http import route
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.organisations import queries, service
from sidecar.organisations.errors import LocksOut
from sidecar.organisations.forms import IssueForm, PlainPortForm, RenewForm, SignForm
from sidecar.organisations.web.blueprint import bp, settings
from sidecar.organisations.web.entities import LIST, MANAGE, READ
from sidecar.ui.outcome import tell

PAGE = f"{LIST}/encryption"
CERTIFICATES = "/admin/certificates"


def _seal() -> Seal:
    return cast("Seal", current_app.extensions["readingroom.seal"])


def _page(scope: Scope, *, refused: LocksOut | None = None) -> str:
    return render_template(
        "admin_encryption.html",
        cell=queries.own_cell(scope),
        host=settings().dicom_host,
        authority=service.authority(scope, _seal(), host=settings().dicom_host),
        certificates=queries.certificate_views(scope),
        without=service.without_certificate(scope),
        refused=refused,
    )


@route(bp, PAGE, needs=READ)
def encryption(scope: Scope) -> ResponseReturnValue:
    """Show the ports, the authority, all certificates."""
    return _page(scope)


@route(bp, f"{PAGE}/authority.pem", needs=READ)
def authority_certificate(scope: Scope) -> ResponseReturnValue:
    """Hand out the authority's certificate: what a device must trust to know this archive."""
    row = service.authority(scope, _seal(), host=settings().dicom_host)
    return _file(row.certificate, f"{queries.own_cell(scope).aet}-CA.pem")


@route(bp, f"{PAGE}/plain", needs=MANAGE, methods=("POST",))
def plain_port(scope: Scope) -> ResponseReturnValue:
    """Open or shut the port without TLS; callers that would be shut out are named first."""
    form = _good(read(PlainPortForm, request.form))
    try:
        service.set_plain_port(scope, allowed=form.allowed, shut_out=form.shut_out)
    except LocksOut as problem:
        return _page(scope, refused=problem), problem.status
    told = "open: callers may connect without TLS." if form.allowed else "shut: only callers with a certificate get in."
    back = {"allowed": "n" if form.allowed else "y", "shut_out": "y" if form.allowed else "n"}
    tell(f"The plain port is {told}", undo=f"{PAGE}/plain", **back)
    return redirect(PAGE)


@route(bp, f"{LIST}/<uuid:entity_id>/certificates", needs=MANAGE, methods=("POST",))
def issue_certificate(scope: Scope, entity_id: UUID) -> ResponseReturnValue:
    """Make key and certificate for an AE title and hand both over, once: the key is kept nowhere."""
    queries.entity(scope, entity_id)
    form = _good(read(IssueForm, request.form))
    issued = service.issue_certificate(scope, entity_id, _seal(), host=settings().dicom_host, years=form.years)
    name = f"{issued.row.aet}-{issued.row.serial[:8]}"
    if form.form == "p12":
        packed = as_pkcs12(issued.pair, issued.authority, name=issued.row.aet, passphrase=form.passphrase)
        return _file(packed, f"{name}.p12", kind="application/x-pkcs12")
    return _file(issued.pair.key.decode() + issued.pair.certificate + issued.authority, f"{name}.pem")


@route(bp, f"{LIST}/<uuid:entity_id>/certificates/sign", needs=MANAGE, methods=("POST",))
def sign_request(scope: Scope, entity_id: UUID) -> ResponseReturnValue:
    """Issue a certificate for a device's own key and hand it over."""
    queries.entity(scope, entity_id)
    uploaded = request.files.get("file")
    text = uploaded.read(20_000).decode("ascii", "replace") if uploaded and uploaded.filename else request.form.get("request", "")
    form = _good(read(SignForm, {**request.form.to_dict(), "request": text}))
    issued = service.issue_certificate(
        scope, entity_id, _seal(), host=settings().dicom_host, years=form.years, request=form.request
    )
    return _file(issued.pair.certificate + issued.authority, f"{issued.row.aet}-{issued.row.serial[:8]}.pem")


@route(bp, f"{CERTIFICATES}/<uuid:certificate_id>.pem", needs=READ)
def certificate_file(scope: Scope, certificate_id: UUID) -> ResponseReturnValue:
    """Hand out a certificate again, with its authority's; its key was never ours."""
    row = queries.certificate(scope, certificate_id)
    authority = service.authority(scope, _seal(), host=settings().dicom_host)
    return _file(row.certificate + authority.certificate, f"{row.aet}-{row.serial[:8]}.pem")


@route(bp, f"{CERTIFICATES}/<uuid:certificate_id>/renew", needs=MANAGE, methods=("POST",))
def renew_certificate(scope: Scope, certificate_id: UUID) -> ResponseReturnValue:
    """Issue the same key another certificate and hand it over."""
    queries.certificate(scope, certificate_id)
    form = _good(read(RenewForm, request.form))
    issued = service.renew_certificate(scope, certificate_id, _seal(), host=settings().dicom_host, years=form.years)
    return _file(issued.pair.certificate + issued.authority, f"{issued.row.aet}-{issued.row.serial[:8]}.pem")


@route(bp, f"{CERTIFICATES}/<uuid:certificate_id>/revoke", needs=MANAGE, methods=("POST",))
def revoke_certificate(scope: Scope, certificate_id: UUID) -> ResponseReturnValue:
    """Revoke a certificate; the next page offers to take it back."""
    row = service.revoke_certificate(scope, certificate_id)
    tell(f"The certificate of {row.aet} opens nothing any more.", undo=f"{CERTIFICATES}/{row.id}/restore")
    return redirect(PAGE if request.form.get("back") == "all" else _entity_page(scope, row.aet))


@route(bp, f"{CERTIFICATES}/<uuid:certificate_id>/restore", needs=MANAGE, methods=("POST",))
def restore_certificate(scope: Scope, certificate_id: UUID) -> ResponseReturnValue:
    """Take a revocation back."""
    row = service.restore_certificate(scope, certificate_id)
    tell(f"The certificate of {row.aet} counts again.")
    return redirect(_entity_page(scope, row.aet))


def _entity_page(scope: Scope, aet: str) -> str:
    """Return the page of an AE title; the list of certificates when it is not registered any more."""
    found = next((each for each in queries.entities(scope) if each.aet == aet), None)
    return f"{LIST}/{found.id}" if found else PAGE


def _good(filled: Filled[Model]) -> Model:
    """Return what was filled in; these forms are small dialogs, so what is wrong is said on a page of its own."""
    if filled.value is None:
        raise Invalid(" ".join(filled.errors.values()))
    return filled.value


def _file(content: str | bytes, name: str, *, kind: str = "application/x-pem-file") -> Response:
    """Return a file to keep; an AE title may hold signs that a file name may not."""
    safe = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in name)
    return Response(content, mimetype=kind, headers={"Content-Disposition": f'attachment; filename="{safe}"'})
