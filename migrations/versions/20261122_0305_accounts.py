"""Registration, verification, reset, roles and the outgoing mail.

Revision ID: 20261122_0305
Revises: 20261122_0300
"""

from alembic import op

revision = "20261122_0305"
down_revision = "20261122_0300"
branch_labels = None
depends_on = None

# A person who leaves keeps the row: what they did stays theirs, and their id is nobody else's. Only the e-mail address is free.
USERS = """
ALTER TABLE users ADD COLUMN deleted_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE users ADD COLUMN password_pepper SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE users DROP CONSTRAINT uq_users_organisation_id_email;
CREATE UNIQUE INDEX uq_users_email_in_use ON users (organisation_id, email) WHERE deleted_at IS NULL;
"""

TABLES = """
CREATE TABLE mails (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    sealed BYTEA NOT NULL,
    attempts INTEGER NOT NULL,
    last_error TEXT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_mails PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_mails_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE INDEX ix_mails_due_at ON mails (due_at);
CREATE TABLE organisation_codes (
    organisation_id UUID NOT NULL,
    code TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_organisation_codes PRIMARY KEY (organisation_id),
    CONSTRAINT fk_organisation_codes_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE INDEX ix_organisation_codes_code ON organisation_codes (code);
CREATE TABLE registrations (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    password_pepper SMALLINT NOT NULL,
    verified_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_registrations PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_registrations_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT uq_registrations_organisation_id_email UNIQUE (organisation_id, email)
);
CREATE TABLE account_tokens (
    organisation_id UUID NOT NULL,
    hash TEXT NOT NULL,
    purpose TEXT NOT NULL,
    subject_id UUID NOT NULL,
    email TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_account_tokens PRIMARY KEY (organisation_id, hash),
    CONSTRAINT fk_account_tokens_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE INDEX ix_account_tokens_hash ON account_tokens (hash);
CREATE INDEX ix_account_tokens_organisation_id_subject_id ON account_tokens (organisation_id, subject_id);
CREATE TABLE role_changes (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    role_before TEXT NOT NULL,
    role_after TEXT NOT NULL,
    asked_by UUID NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by UUID,
    decided_at TIMESTAMP WITH TIME ZONE,
    accepted BOOLEAN,
    CONSTRAINT pk_role_changes PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_role_changes_organisation_id_user_id_users
        FOREIGN KEY(organisation_id, user_id) REFERENCES users (organisation_id, id),
    CONSTRAINT ck_role_changes_two_people CHECK (decided_by IS NULL OR accepted IS NOT TRUE OR decided_by <> user_id)
);
CREATE UNIQUE INDEX uq_role_changes_waiting ON role_changes (organisation_id, user_id) WHERE decided_at IS NULL;
"""

# Who tries an address that has no account is on record in the platform's own chain; guests see nothing of that organisation.
PLATFORM = """
CREATE FUNCTION platform_organisation() RETURNS uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT id FROM organisations WHERE kind = 'platform' ORDER BY created_at, id LIMIT 1
$$;
CREATE POLICY functions ON organisations FOR SELECT TO CURRENT_USER USING (kind = 'platform');
REVOKE ALL ON FUNCTION platform_organisation() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION platform_organisation() TO readingroom_app;
"""

OWN = "organisation_id = app_org() OR app_platform()"
# Who holds a token or a code sees the one row it names: so an account or an organisation is found before anybody is known.
WALLS = {
    "mails": (OWN, "SELECT, INSERT, UPDATE, DELETE"),
    "organisation_codes": (f"{OWN} OR app_login() = code", "SELECT, INSERT, UPDATE, DELETE"),
    "registrations": (OWN, "SELECT, INSERT, UPDATE, DELETE"),
    "account_tokens": (f"{OWN} OR app_login() = hash", "SELECT, INSERT, DELETE"),
    "role_changes": (OWN, "SELECT, INSERT, UPDATE"),
}


def upgrade() -> None:
    op.execute(USERS)
    op.execute(TABLES)
    op.execute(PLATFORM)
    for table, (seen, privileges) in WALLS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY door ON {table} TO readingroom_app USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO readingroom_app USING ({seen}) WITH CHECK ({OWN})")
        op.execute(f"CREATE POLICY wall_delete ON {table} AS RESTRICTIVE FOR DELETE TO readingroom_app USING ({OWN})")
        op.execute(f"GRANT {privileges} ON {table} TO readingroom_app")


def downgrade() -> None:
    for table in WALLS:
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION platform_organisation()")
    op.execute("DROP POLICY functions ON organisations")
    op.execute("DROP INDEX uq_users_email_in_use")
    op.execute("UPDATE users SET email = 'deleted:' || id WHERE deleted_at IS NOT NULL")
    op.execute("ALTER TABLE users ADD CONSTRAINT uq_users_organisation_id_email UNIQUE (organisation_id, email)")
    op.execute("ALTER TABLE users DROP COLUMN password_pepper, DROP COLUMN deleted_at")
