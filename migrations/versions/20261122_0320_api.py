"""Notifications, what makes a repeated request harmless, and partners told from strangers at once.

Revision ID: 20261122_0320
Revises: 20261122_0315
"""

from alembic import op

revision = "20261122_0320"
down_revision = "20261122_0315"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE notifications (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    href TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    read_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_notifications PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_notifications_organisation_id_user_id_users
        FOREIGN KEY(organisation_id, user_id) REFERENCES users (organisation_id, id)
);
CREATE INDEX ix_notifications_latest ON notifications (organisation_id, user_id, created_at, id);
CREATE INDEX ix_notifications_unread ON notifications (organisation_id, user_id) WHERE read_at IS NULL;
CREATE TABLE idempotent_requests (
    organisation_id UUID NOT NULL,
    user_id UUID NOT NULL,
    key_hash BYTEA NOT NULL,
    request_hash BYTEA NOT NULL,
    answer_status INTEGER,
    answer BYTEA,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_idempotent_requests PRIMARY KEY (organisation_id, user_id, key_hash),
    CONSTRAINT fk_idempotent_requests_organisation_id_user_id_users
        FOREIGN KEY(organisation_id, user_id) REFERENCES users (organisation_id, id)
);
CREATE INDEX ix_idempotent_requests_organisation_id_expires_at ON idempotent_requests (organisation_id, expires_at);
"""

# A person's own; the worker, who is nobody in particular, tidies each organisation's.
OWN = "organisation_id = app_org() AND (user_id = app_user() OR app_user() IS NULL)"
# Whoever sees the account may tell it something: a colleague, the worker, a sign-in that just failed.
TOLD = "EXISTS (SELECT 1 FROM users u WHERE u.organisation_id = notifications.organisation_id AND u.id = notifications.user_id)"
WALLS = {"notifications": (OWN, TOLD), "idempotent_requests": (OWN, OWN)}


# With whom the asking organisation has a contract, worked out once for a statement: a list of studies names fifty owners, and
# asked for each of them it took longer than all the rest.
PARTNERS = """
CREATE FUNCTION partners() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT ARRAY(
    SELECT organisation_id FROM contracts WHERE reading_organisation_id = app_org()
    UNION
    SELECT reading_organisation_id FROM contracts WHERE organisation_id = app_org())
$$
"""
ORGANISATIONS = "id = app_org() OR app_platform() OR id = ANY ((SELECT partners())::uuid[])"
EACH = (
    "id = app_org() OR app_platform() OR EXISTS (SELECT 1 FROM contracts c WHERE"
    " (c.organisation_id = organisations.id AND c.reading_organisation_id = app_org())"
    " OR (c.reading_organisation_id = organisations.id AND c.organisation_id = app_org()))"
)


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(PARTNERS)
    op.execute(f"ALTER POLICY wall ON organisations USING ({ORGANISATIONS})")
    for table, (seen, written) in WALLS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY door ON {table} TO readingroom_app USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO readingroom_app USING ({seen}) WITH CHECK ({written})")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO readingroom_app")


def downgrade() -> None:
    op.execute(f"ALTER POLICY wall ON organisations USING ({EACH})")
    op.execute("DROP FUNCTION partners()")
    op.execute("DROP TABLE idempotent_requests, notifications")
