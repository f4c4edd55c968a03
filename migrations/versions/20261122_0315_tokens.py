"""Refresh token families, API keys, limits and single sign-on.

Revision ID: 20261122_0315
Revises: 20261122_0310
"""

from alembic import op

revision = "20261122_0315"
down_revision = "20261122_0310"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE refresh_families (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    client TEXT NOT NULL,
    address TEXT NOT NULL,
    proved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ending TEXT NOT NULL,
    CONSTRAINT pk_refresh_families PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_refresh_families_organisation_id_user_id_users
        FOREIGN KEY(organisation_id, user_id) REFERENCES users (organisation_id, id)
);
CREATE INDEX ix_refresh_families_organisation_id_user_id ON refresh_families (organisation_id, user_id);
CREATE TABLE refresh_tokens (
    organisation_id UUID NOT NULL,
    hash TEXT NOT NULL,
    family_id UUID NOT NULL,
    issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    spent_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_refresh_tokens PRIMARY KEY (organisation_id, hash),
    CONSTRAINT fk_refresh_tokens_organisation_id_family_id_refresh_families
        FOREIGN KEY(organisation_id, family_id) REFERENCES refresh_families (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_refresh_tokens_organisation_id_family_id ON refresh_tokens (organisation_id, family_id);
CREATE TABLE api_keys (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    name TEXT NOT NULL,
    hint TEXT NOT NULL,
    hash TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    address TEXT NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_api_keys PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_api_keys_organisation_id_user_id_users
        FOREIGN KEY(organisation_id, user_id) REFERENCES users (organisation_id, id),
    CONSTRAINT uq_api_keys_organisation_id_hash UNIQUE (organisation_id, hash)
);
CREATE INDEX ix_api_keys_organisation_id_user_id ON api_keys (organisation_id, user_id);
CREATE TABLE limit_settings (
    organisation_id UUID NOT NULL,
    signed_in INTEGER,
    uploads INTEGER,
    networks TEXT[] NOT NULL,
    network_authentication INTEGER NOT NULL,
    network_anonymous INTEGER NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_limit_settings PRIMARY KEY (organisation_id),
    CONSTRAINT fk_limit_settings_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE TABLE sso_providers (
    organisation_id UUID NOT NULL,
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_secret_sealed BYTEA NOT NULL,
    required BOOLEAN NOT NULL,
    trusted_proofs TEXT[] NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sso_providers PRIMARY KEY (organisation_id),
    CONSTRAINT fk_sso_providers_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE TABLE sso_subjects (
    organisation_id UUID NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id UUID NOT NULL,
    linked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sso_subjects PRIMARY KEY (organisation_id, issuer, subject),
    CONSTRAINT fk_sso_subjects_organisation_id_user_id_users
        FOREIGN KEY(organisation_id, user_id) REFERENCES users (organisation_id, id),
    CONSTRAINT uq_sso_subjects_organisation_id_issuer_user_id UNIQUE (organisation_id, issuer, user_id)
);
"""

OWN = "organisation_id = app_org()"
OWN_OR_PLATFORM = f"{OWN} OR app_platform()"
WALLS = {
    # The platform ends the sessions of whom it disables, and must be able to let a locked-out organisation in again.
    "refresh_families": (OWN_OR_PLATFORM, "SELECT, INSERT, UPDATE, DELETE"),
    "refresh_tokens": (OWN, "SELECT, INSERT, UPDATE, DELETE"),
    "api_keys": (OWN, "SELECT, INSERT, UPDATE"),
    "limit_settings": (OWN_OR_PLATFORM, "SELECT, INSERT, UPDATE"),
    "sso_providers": (OWN_OR_PLATFORM, "SELECT, INSERT, UPDATE, DELETE"),
    "sso_subjects": (OWN, "SELECT, INSERT, DELETE"),
}


def upgrade() -> None:
    op.execute(TABLES)
    for table, (seen, privileges) in WALLS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY door ON {table} TO readingroom_app USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO readingroom_app USING ({seen}) WITH CHECK ({seen})")
        op.execute(f"GRANT {privileges} ON {table} TO readingroom_app")


def downgrade() -> None:
    op.execute("DROP TABLE sso_subjects, sso_providers, limit_settings, api_keys, refresh_tokens, refresh_families")
