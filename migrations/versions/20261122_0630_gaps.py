"""Who let whom in, reminders of reviews, client certificates of forwarding, an organisation's own limits of alerts, ended keys.

Revision ID: 20261122_0630
Revises: 20261122_0610
"""

from alembic import op

revision = "20261122_0630"
down_revision = "20261122_0610"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE users ADD COLUMN invited_by UUID, ADD COLUMN approved_by UUID;
ALTER TABLE glasses ADD COLUMN reminded_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE forwardings ADD COLUMN client_certificate TEXT NOT NULL DEFAULT '', ADD COLUMN client_key_sealed BYTEA;
ALTER TABLE forwardings ALTER COLUMN client_certificate DROP DEFAULT;
CREATE TABLE alert_limits (
    organisation_id UUID NOT NULL,
    failed_of_account INTEGER NOT NULL,
    failed_of_address INTEGER NOT NULL,
    denials INTEGER NOT NULL,
    denials_of_images INTEGER NOT NULL,
    downloads INTEGER NOT NULL,
    studies_seen INTEGER NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_alert_limits PRIMARY KEY (organisation_id),
    CONSTRAINT fk_alert_limits_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
"""

# Who is here already was let in by somebody as well, and the journal knows by whom. FORCE binds the owner too, hence the pause.
LET_IN = """
ALTER TABLE users NO FORCE ROW LEVEL SECURITY;
ALTER TABLE journal NO FORCE ROW LEVEL SECURITY;
UPDATE users SET invited_by = found.actor_id FROM (
    SELECT DISTINCT ON (organisation_id, subject_id) organisation_id, subject_id, actor_id FROM journal
    WHERE kind = 'accounts.user.invited' AND actor_id IS NOT NULL AND subject_id IS NOT NULL
    ORDER BY organisation_id, subject_id, sequence DESC) found
WHERE users.organisation_id = found.organisation_id AND users.id = found.subject_id;
UPDATE users SET approved_by = found.actor_id FROM (
    SELECT DISTINCT ON (organisation_id, subject_id) organisation_id, subject_id, actor_id FROM journal
    WHERE kind = 'accounts.registration.approved' AND actor_id IS NOT NULL AND subject_id IS NOT NULL
    ORDER BY organisation_id, subject_id, sequence DESC) found
WHERE users.organisation_id = found.organisation_id AND users.id = found.subject_id;
ALTER TABLE journal FORCE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
"""

OWN = "organisation_id = app_org()"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(LET_IN)
    op.execute("ALTER TABLE alert_limits ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE alert_limits FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY door ON alert_limits TO readingroom_app USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY wall ON alert_limits AS RESTRICTIVE TO readingroom_app USING ({OWN}) WITH CHECK ({OWN})")
    op.execute("GRANT SELECT, INSERT, UPDATE ON alert_limits TO readingroom_app")
    op.execute("GRANT UPDATE (reminded_at) ON glasses TO readingroom_app")
    op.execute("GRANT DELETE ON api_keys TO readingroom_app")  # those that ended long ago


def downgrade() -> None:
    op.execute("REVOKE DELETE ON api_keys FROM readingroom_app")
    op.execute("DROP TABLE alert_limits")
    op.execute("ALTER TABLE forwardings DROP COLUMN client_certificate, DROP COLUMN client_key_sealed")
    op.execute("ALTER TABLE glasses DROP COLUMN reminded_at")
    op.execute("ALTER TABLE users DROP COLUMN invited_by, DROP COLUMN approved_by")
