"""Alerts and where they were seen before, forwarding of the journal, access reviews.

Revision ID: 20261122_0335
Revises: 20261122_0330
"""

from alembic import op

revision = "20261122_0335"
down_revision = "20261122_0330"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE alerts (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    facts JSONB NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    told_at TIMESTAMP WITH TIME ZONE,
    mailed_at TIMESTAMP WITH TIME ZONE,
    acknowledged_at TIMESTAMP WITH TIME ZONE,
    acknowledged_by UUID,
    acknowledged_name TEXT NOT NULL,
    note TEXT NOT NULL,
    CONSTRAINT pk_alerts PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_alerts_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE UNIQUE INDEX ix_alerts_open ON alerts (organisation_id, kind, subject) WHERE acknowledged_at IS NULL;
CREATE INDEX ix_alerts_organisation_id_raised_at ON alerts (organisation_id, raised_at);
CREATE TABLE alert_watches (
    organisation_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    mailed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_alert_watches PRIMARY KEY (organisation_id),
    CONSTRAINT fk_alert_watches_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE TABLE known_places (
    organisation_id UUID NOT NULL,
    user_id UUID NOT NULL,
    place TEXT NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_known_places PRIMARY KEY (organisation_id, user_id, place),
    CONSTRAINT fk_known_places_organisation_id_user_id_users
        FOREIGN KEY(organisation_id, user_id) REFERENCES users (organisation_id, id) ON DELETE CASCADE
);
CREATE TABLE forwardings (
    organisation_id UUID NOT NULL,
    target TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    path TEXT NOT NULL,
    authority TEXT NOT NULL,
    bearer_sealed BYTEA,
    sequence BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    last_error TEXT NOT NULL,
    next_try_at TIMESTAMP WITH TIME ZONE NOT NULL,
    delivered_at TIMESTAMP WITH TIME ZONE,
    set_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_forwardings PRIMARY KEY (organisation_id, target),
    CONSTRAINT fk_forwardings_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE TABLE access_reviews (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    quarter TEXT NOT NULL,
    people INTEGER NOT NULL,
    content_sealed BYTEA NOT NULL,
    content_hash TEXT NOT NULL,
    reviewer_id UUID NOT NULL,
    reviewer_name TEXT NOT NULL,
    note TEXT NOT NULL,
    reviewed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_access_reviews PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_access_reviews_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE INDEX ix_access_reviews_organisation_id_quarter ON access_reviews (organisation_id, quarter);
"""

OWN = "organisation_id = app_org()"
# The worker asks as the platform who forwards at all, and works then inside each organisation's walls.
WALLS = {
    "alerts": (OWN, "SELECT, INSERT, UPDATE"),
    "alert_watches": (OWN, "SELECT, INSERT, UPDATE"),
    "known_places": (OWN, "SELECT, INSERT, UPDATE"),
    "forwardings": (f"{OWN} OR app_platform()", "SELECT, INSERT, UPDATE, DELETE"),
    "access_reviews": (OWN, "SELECT, INSERT"),
}


def upgrade() -> None:
    op.execute(TABLES)
    for table, (seen, privileges) in WALLS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY door ON {table} TO readingroom_app USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO readingroom_app USING ({seen}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {privileges} ON {table} TO readingroom_app")
    # A DELETE asks only who sees the row.
    op.execute(f"CREATE POLICY wall_delete ON forwardings AS RESTRICTIVE FOR DELETE TO readingroom_app USING ({OWN})")


def downgrade() -> None:
    op.execute("DROP TABLE access_reviews, forwardings, known_places, alert_watches, alerts")
