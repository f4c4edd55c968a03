"""Data keys, one per organisation, wrapped by the master key.

Revision ID: 20261122_0300
Revises: 20261121_2355
"""

from alembic import op

revision = "20261122_0300"
down_revision = "20261121_2355"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE data_keys (
    organisation_id UUID NOT NULL,
    purpose TEXT NOT NULL,
    generation INTEGER NOT NULL,
    wrapped BYTEA,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    destroyed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_data_keys PRIMARY KEY (organisation_id, purpose, generation),
    CONSTRAINT fk_data_keys_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
"""

# Both parties of a contract close and open what belongs to one of them, and sign-in does so before anybody is known. A wrapped
# key opens nothing without the master key, which is no part of the database.
SEEN = (
    "EXISTS (SELECT 1 FROM organisations o WHERE o.id = data_keys.organisation_id) OR app_platform() OR app_login() IS NOT NULL"
)


def upgrade() -> None:
    op.execute(TABLES)
    op.execute("ALTER TABLE data_keys ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE data_keys FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY door ON data_keys TO readingroom_app USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY wall ON data_keys AS RESTRICTIVE TO readingroom_app USING ({SEEN}) WITH CHECK ({SEEN})")
    op.execute("GRANT SELECT, INSERT, UPDATE ON data_keys TO readingroom_app")


def downgrade() -> None:
    op.execute("DROP TABLE data_keys")
