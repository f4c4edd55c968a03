"""The web process: settings in, Flask application out. ``gunicorn 'sidecar.app:serve()'``."""

import gc
import importlib
import os
from datetime import UTC, datetime

from flask import Flask, Response, g, request
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.middleware.proxy_fix import ProxyFix

from sidecar.accounts.bearer import install_bearer, refuse_bad_bearer
from sidecar.accounts.confirm_web import lead_to_confirm
from sidecar.accounts.passwords import KEEPER
from sidecar.accounts.sessions import SignedInUser, current_visit, install_sessions
from sidecar.accounts.stepup import StepUp
from sidecar.adapters.access_tokens import AccessTokens
from sidecar.adapters.cell_client import CellClient
from sidecar.adapters.cell_tokens import CellTokens
from sidecar.adapters.change_feed import ChangeFeed
from sidecar.adapters.limiter import Limiter
from sidecar.adapters.lookups import Lookup
from sidecar.adapters.nodes import CellNodes
from sidecar.adapters.outbound import OwnGround
from sidecar.adapters.redis import connect, publish_changes, wake_worker
from sidecar.adapters.seals import Seal
from sidecar.audit.checkpoints import Signer
from sidecar.gate import problems, refusals, stale
from sidecar.gate.health import install_metrics
from sidecar.gate.http import current_actor, log_request, refuse_undeclared, request_id
from sidecar.gate.limits import install_limits
from sidecar.gate.permissions import Permission, permissions_of
from sidecar.gate.scope import Event, Scopes
from sidecar.gate.zones import viewer_zone
from sidecar.kernel.db import make_engine
from sidecar.kernel.errors import Broken, Busy, Invalid, Missing, NoPage, Problem, TooLarge
from sidecar.kernel.logging import configure_logging
from sidecar.kernel.settings import Settings
from sidecar.organisations.limits import LimitBook
from sidecar.reactions import react
from sidecar.reports.lettering import load as load_fonts
from sidecar.sharing.web import take_up
from sidecar.ui import jinja as ui

BLUEPRINTS = (
    "sidecar.gate.health",
    "sidecar.ui.web",
    "sidecar.accounts.web",
    "sidecar.accounts.factor_web",
    "sidecar.accounts.session_web",
    "sidecar.accounts.confirm_web",
    "sidecar.accounts.account_web",
    "sidecar.accounts.passkeys_web",
    "sidecar.accounts.lost_web",
    "sidecar.accounts.users_web",
    "sidecar.accounts.catalogue_web",
    "sidecar.accounts.sso.web",
    "sidecar.accounts.security_web",
    "sidecar.accounts.keys_web",
    "sidecar.api.auth",
    "sidecar.api.auth_lifecycle",
    "sidecar.api.auth_second_factor",
    "sidecar.api.auth_keys",
    "sidecar.accounts.members_web",
    "sidecar.accounts.guests_web",
    "sidecar.accounts.identity_web",
    "sidecar.organisations.web",
    "sidecar.audit.web",
    "sidecar.alerts.web",
    "sidecar.alerts.forwarding_web",
    "sidecar.alerts.reviews_web",
    "sidecar.orders.web",
    "sidecar.orders.api",
    "sidecar.deidentification.web",
    "sidecar.intake.web",
    "sidecar.worklist.web",
    "sidecar.assignment.api",
    "sidecar.reports.web",
    "sidecar.reports.api",
    "sidecar.reports.addenda_web",
    "sidecar.reports.addenda_api",
    "sidecar.archive.web",
    "sidecar.sharing.web",
    "sidecar.archive.api",
    "sidecar.dicomweb.web",
    "sidecar.dicomweb.stow",
    "sidecar.dicomweb.thumbnails",
    "sidecar.dicomweb.frames",
    "sidecar.dicomweb.pixels",
    "sidecar.explorer.web",
    "sidecar.notifications.api",
    "sidecar.notifications.web",
    "sidecar.api.studies",
    "sidecar.api.users",
    "sidecar.api.user_activity",
    "sidecar.api.organizations",
    "sidecar.api.document",
)
"""Modules whose ``bp`` is mounted at the root."""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self';"
    " connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
"""Content-Security-Policy of our own pages; the viewer's is set where nginx serves it."""

WAKING = (
    "orders.order.",
    "organisations.cell.",
    "organisations.ae.",
    "organisations.authority.",
    "organisations.certificate.",
    "organisations.encryption.",
)
"""Kinds of events after which the worker looks at the cells at once."""

FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})

NAV = (
    ("/worklist", "Worklist", "w", {Permission.STUDY_CLAIM, Permission.STUDY_ASSIGN}),
    ("/hospital", "Studies", "s", {Permission.STUDY_LIST}),
    ("/orders", "Orders", "i", {Permission.ORDER_MANAGE}),
    ("/exports", "Exports", "e", {Permission.EXPORT_ASK}),
    ("/archive", "Archive", "r", {Permission.JOB_READ, Permission.DELETION_READ}),
    ("/explorer", "Explorer", "x", {Permission.EXPLORER_OPEN}),
    ("/admin/organisations", "Organisations", "o", {Permission.ORGANISATION_MANAGE}),
    ("/admin/cells", "Cells", "c", {Permission.CELL_MANAGE}),
    ("/admin/ae-titles", "AE titles", "d", {Permission.SENDER_READ}),
    ("/admin/contracts", "Contracts", "k", {Permission.CONTRACT_READ}),
    ("/admin/users", "Users", "u", {Permission.USER_APPROVE}),
    ("/admin/glass", "Broken glass", "b", {Permission.GLASS_REVIEW}),
    ("/glass", "Emergency", "y", {Permission.GLASS_BREAK}),
    ("/admin/alerts", "Alerts", "l", {Permission.ALERT_HANDLE}),
    ("/admin/security", "Security", "y", {Permission.SECURITY_MANAGE}),
    ("/admin/audit", "Audit", "a", {Permission.AUDIT_READ}),
)
"""Address, label, key after g, and who needs it: whoever holds one of these. The worklist is for those who read or share out;
whoever only follows the studies has them all under Studies."""


def serve() -> Flask:
    """Build the application for a process that serves it and nothing else.

    What it is made of lives as long as the process: 360,000 objects that each full garbage collection would go through again,
    which stopped every thread for 0.2 s.
    """
    app = create_app()
    gc.collect()
    gc.freeze()
    return app


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application; raise SettingsError or RuntimeError rather than start half."""
    settings = settings or Settings.from_env()
    configure_logging()
    load_fonts()  # a report that cannot be printed is noticed here, not at its signature
    KEEPER.use(settings.secret("pepper"))
    app = Flask("sidecar", template_folder="ui/templates", static_folder="ui/static", static_url_path="/static")
    app.config.update(SECRET_KEY=settings.secret("session_key"), MAX_CONTENT_LENGTH=16 * 1024 * 1024)
    redis = connect(settings.redis_url)
    tokens = CellTokens.from_pem(settings.secret("cell_signing_key.pem"))
    cells = CellClient(tokens)
    lookup = Lookup(settings.secret("lookup_key"))

    def publish(events: list[Event]) -> None:
        publish_changes(redis, {org for each in events for org in each.audience})
        if any(each.kind.startswith(WAKING) for each in events):
            wake_worker(redis)

    app.extensions.update(
        {
            "readingroom.settings": settings,
            "readingroom.redis": redis,
            "readingroom.changes": ChangeFeed(connect(settings.redis_url)),
            "readingroom.scopes": Scopes(make_engine(settings.database_url), react, after_events=publish, lookup=lookup),
            "readingroom.cell_tokens": tokens,
            "readingroom.cells": cells,
            "readingroom.nodes": CellNodes(cells, OwnGround.of(settings)),
            "readingroom.checkpoints": Signer.from_pem(settings.secret("checkpoint_key.pem")),
            "readingroom.seal": Seal.from_text(settings.secret("totp_key")),
        }
    )
    # nginx is the only way in and names the client itself; what a client claims in that header it has thrown away.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    install_sessions(app, settings, redis)
    install_bearer(app, AccessTokens.from_pem(settings.secret("access_signing_key.pem"), issuer=settings.public_url))
    install_limits(app, Limiter(redis), LimitBook(app.extensions["readingroom.scopes"], settings.budgets))
    app.before_request(refuse_bad_bearer)
    app.before_request(take_up)
    ui.install(app.jinja_env)
    for name in BLUEPRINTS:
        app.register_blueprint(importlib.import_module(name).bp)
    _guard(app)
    app.context_processor(_page)
    app.config["METRICS_SHARED"] = "PROMETHEUS_MULTIPROC_DIR" in os.environ
    install_metrics(app)
    app.after_request(_headers)
    app.after_request(log_request)
    _answer_problems(app)
    _answer_outages(app)
    refuse_undeclared(app)
    return app


def _guard(app: Flask) -> None:
    """Every unsafe request needs the token of its session, except doors of machines that prove themselves otherwise."""
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    app.before_request(_refuse_override)
    csrf = CsrfOfCookies(app)
    for view in app.view_functions.values():
        if not getattr(view, "csrf", True):
            csrf.exempt(view)


class CsrfOfCookies(CSRFProtect):  # type: ignore[misc]
    """Ask for the form's token where a cookie says who asks. A bearer token is sent by nobody's browser unasked."""

    def protect(self, **how: bool) -> None:
        """Check the token, unless the request brought a bearer token."""
        if not g.get("bearer"):
            super().protect(**how)


def _refuse_override() -> None:
    """Refuse a form that would rather be another method; headers and arguments that say so end at the edge."""
    if request.mimetype in FORMS and "_method" in request.form:  # asking for the form of anything else would open its body
        raise Invalid("A form is sent as what it is.")


def _page() -> dict[str, object]:
    """Give every template ``page``: the viewer, the time, the navigation cut to what the viewer may do."""
    user = g.get("_login_user")
    signed_in = user if isinstance(user, SignedInUser) else None
    held = permissions_of(current_actor())
    visit = current_visit()
    return {
        "page": {
            "now": datetime.now(UTC),
            "zone": viewer_zone().key,
            "theme": request.cookies.get("theme", "dark"),
            # A guest who is refused gets no form, so no session.
            "csrf_token": generate_csrf() if signed_in or "problem" not in g else "",
            "session": {"idle_at": visit.idle_at, "ends_at": visit.ends_at, "user": visit.user_id} if visit else None,
            "user": {"name": signed_in.actor.name, "organisation": signed_in.organisation_name} if signed_in else None,
            "nav": [
                {"href": href, "label": label, "key": key, "current": request.path.startswith(href)}
                for href, label, key, needs in NAV
                if needs & held
            ],
            "live": g.get("live", False),
            "fresh": stale.is_fresh(),
            "glass_until": glass.until if (glass := current_actor().glass) else None,
        },
        "may": lambda name: Permission(name) in held,
    }


def _headers(response: Response) -> Response:
    """Set what every answer of ours carries. Patient data is never kept by a cache."""
    response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response


def _answer_problems(app: Flask) -> None:
    app.register_error_handler(StepUp, lead_to_confirm)

    @app.errorhandler(Problem)
    def _problem(problem: Problem) -> Response:
        if problem.status == 401 and not problems.wants_json() and "HX-Request" not in request.headers:  # noqa: PLR2004
            return stale.to_sign_in()
        return problems.answer(refusals.noted(problem))

    @app.errorhandler(CSRFError)
    def _csrf(_error: CSRFError) -> Response:
        return stale.fresh_form() or _problem(stale.refuse_stale())

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        if error.code == 404:  # noqa: PLR2004
            return problems.answer(Missing())
        if error.code == 405 and not problems.wants_json():  # noqa: PLR2004 - a form's address, opened or loaded again
            return problems.answer(NoPage("This address only takes a form that was filled in. Open the page that holds it."))
        response = problems.answer(_meant(error))
        response.status_code = error.code or 400
        if isinstance(error, MethodNotAllowed):
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))  # RFC 9110, 15.5.6
        return response

    @app.errorhandler(Exception)
    def _broken(error: Exception) -> Response:
        app.logger.error("unexpected error in request %s", request_id(), exc_info=error)
        return problems.answer(Broken(f"Something broke on our side. Nothing you saved is lost. Reference: {request_id()}"))


def _meant(error: HTTPException) -> Problem:
    """Return in our words what the web framework refuses."""
    if error.code == 413:  # noqa: PLR2004
        return TooLarge("That is more than is taken here at once.")
    return Invalid(error.description or "The request is not well formed.")


def _answer_outages(app: Flask) -> None:
    @app.errorhandler(OperationalError)
    def _no_database(error: OperationalError) -> Response:
        app.logger.error("the database did not answer in request %s: %s", request_id(), type(error.orig).__name__)
        return problems.answer(Busy("The database is not answering. Nothing you saved is lost; try again shortly."))

    @app.errorhandler(RedisError)
    def _no_redis(error: RedisError) -> Response:
        app.logger.error("Redis did not answer in request %s: %s", request_id(), type(error).__name__)
        return problems.answer(Busy("A part of the house is not answering. Nothing you saved is lost; try again shortly."))
