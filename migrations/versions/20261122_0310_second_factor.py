"""Backup codes, passkeys, lock-out, and whose identity was verified. Sessions are in Redis.

Revision ID: 20261122_0310
Revises: 20261122_0305
"""

from alembic import op

revision = "20261122_0310"
down_revision = "20261122_0305"
branch_labels = None
depends_on = None

# Who enrolled by an administrator's invitation so far was known to that administrator.
COLUMNS = """
ALTER TABLE users
    ADD COLUMN factor_failures INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN factor_locked_until TIMESTAMP WITH TIME ZONE,
    ADD COLUMN identity_verified_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN identity_verified_by UUID;
ALTER TABLE users ALTER COLUMN factor_failures DROP DEFAULT;
UPDATE users SET identity_verified_at = created_at WHERE password_hash IS NOT NULL;
"""
TABLES = """
CREATE TABLE backup_codes (
    organisation_id UUID NOT NULL,
    user_id UUID NOT NULL,
    code_hash BYTEA NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_backup_codes PRIMARY KEY (organisation_id, user_id, code_hash),
    CONSTRAINT fk_backup_codes_organisation_id_user_id_users
        FOREIGN KEY(organisation_id, user_id) REFERENCES users (organisation_id, id)
);
CREATE TABLE passkeys (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    credential_id BYTEA NOT NULL,
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    transports TEXT[] NOT NULL,
    synced BOOLEAN NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_passkeys PRIMARY KEY (organisation_id, id),
    CONSTRAINT uq_passkeys_organisation_id_credential_id UNIQUE (organisation_id, credential_id),
    CONSTRAINT fk_passkeys_organisation_id_user_id_users
        FOREIGN KEY(organisation_id, user_id) REFERENCES users (organisation_id, id)
);
CREATE INDEX ix_passkeys_organisation_id_user_id ON passkeys (organisation_id, user_id);
"""


def upgrade() -> None:
    op.execute(COLUMNS)
    op.execute(TABLES)
    for table in ("backup_codes", "passkeys"):
        # Who sees the person sees them: the organisation, the platform, and the sign-in of that very address.
        seen = f"EXISTS (SELECT 1 FROM users u WHERE u.organisation_id = {table}.organisation_id AND u.id = {table}.user_id)"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY door ON {table} TO readingroom_app USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO readingroom_app USING ({seen}) WITH CHECK ({seen})")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO readingroom_app")


def downgrade() -> None:
    op.execute("DROP TABLE backup_codes, passkeys")
    op.execute(
        "ALTER TABLE users DROP COLUMN factor_failures, DROP COLUMN factor_locked_until,"
        " DROP COLUMN identity_verified_at, DROP COLUMN identity_verified_by"
    )
