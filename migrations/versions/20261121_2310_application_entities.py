"""Application entities: what each AE title may ask of the cell, where it is reached, its certificates; the last associations.

Revision ID: 20261121_2310
Revises: 20261121_2000
"""

from alembic import op

revision = "20261121_2310"
down_revision = "20261121_2000"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE application_entities (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    aet TEXT NOT NULL,
    description TEXT NOT NULL,
    networks TEXT[] NOT NULL,
    services TEXT[] NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_application_entities PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_application_entities_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT uq_application_entities_organisation_id_aet UNIQUE (organisation_id, aet)
);
CREATE TABLE cell_authorities (
    organisation_id UUID NOT NULL,
    certificate TEXT NOT NULL,
    key_sealed BYTEA NOT NULL,
    server_certificate TEXT NOT NULL,
    server_key_sealed BYTEA NOT NULL,
    server_host TEXT NOT NULL,
    server_not_after TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_cell_authorities PRIMARY KEY (organisation_id),
    CONSTRAINT fk_cell_authorities_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE TABLE client_certificates (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    aet TEXT NOT NULL,
    serial TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    subject TEXT NOT NULL,
    certificate TEXT NOT NULL,
    not_before TIMESTAMP WITH TIME ZONE NOT NULL,
    not_after TIMESTAMP WITH TIME ZONE NOT NULL,
    issued_by UUID,
    issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_client_certificates PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_client_certificates_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT uq_client_certificates_organisation_id_sha256 UNIQUE (organisation_id, sha256)
);
CREATE TABLE associations (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    aet TEXT NOT NULL,
    called_aet TEXT NOT NULL,
    address TEXT NOT NULL,
    port TEXT NOT NULL,
    certificate TEXT NOT NULL,
    outcome TEXT NOT NULL,
    services TEXT[] NOT NULL,
    objects INTEGER NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE NOT NULL,
    count INTEGER NOT NULL,
    CONSTRAINT pk_associations PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_associations_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE INDEX ix_associations_organisation_id_ended_at ON associations (organisation_id, ended_at);
ALTER TABLE cells ADD COLUMN inner_dicom_port INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cells ADD COLUMN dicom_tls_port INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cells ADD COLUMN plain_allowed BOOLEAN NOT NULL DEFAULT true;
ALTER TABLE cells ALTER COLUMN inner_dicom_port DROP DEFAULT;
ALTER TABLE cells ALTER COLUMN dicom_tls_port DROP DEFAULT;
ALTER TABLE cells ALTER COLUMN plain_allowed DROP DEFAULT;
"""

# A wall that is FORCEd hides a table's rows from its owner too: it is lowered while the rows move.
MERGE = """
ALTER TABLE senders NO FORCE ROW LEVEL SECURITY;
INSERT INTO application_entities (organisation_id, id, aet, description, networks, services, host, port, created_at)
  SELECT organisation_id, (array_agg(id ORDER BY created_at, id))[1], aet,
         coalesce((array_agg(description ORDER BY created_at, id) FILTER (WHERE description <> ''))[1], ''),
         array_agg(network ORDER BY network), '{echo,store}', '', 0, min(created_at)
  FROM senders GROUP BY organisation_id, aet;
DROP TABLE senders;
"""

# An AE title that only receives from us was never a sender.
SPLIT = """
CREATE TABLE senders (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    aet TEXT NOT NULL,
    network TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_senders PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_senders_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT uq_senders_organisation_id_aet_network UNIQUE (organisation_id, aet, network)
);
ALTER TABLE application_entities NO FORCE ROW LEVEL SECURITY;
INSERT INTO senders (organisation_id, id, aet, network, description, created_at)
  SELECT organisation_id, gen_random_uuid(), aet, unnest(networks), description, created_at
  FROM application_entities WHERE 'store' = ANY (services);
DROP TABLE application_entities, cell_authorities, client_certificates, associations;
ALTER TABLE cells DROP COLUMN inner_dicom_port, DROP COLUMN dicom_tls_port, DROP COLUMN plain_allowed;
"""

OWN = "organisation_id = app_org()"
PRIVILEGES = {
    "application_entities": "SELECT, INSERT, UPDATE, DELETE",
    "cell_authorities": "SELECT, INSERT, UPDATE",
    "client_certificates": "SELECT, INSERT, UPDATE",
    "associations": "SELECT, INSERT, UPDATE, DELETE",
}


def _wall(table: str, privileges: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY door ON {table} TO readingroom_app USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO readingroom_app USING ({OWN}) WITH CHECK ({OWN})")
    op.execute(f"GRANT {privileges} ON {table} TO readingroom_app")


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(MERGE)
    for table, privileges in PRIVILEGES.items():
        _wall(table, privileges)


def downgrade() -> None:
    op.execute(SPLIT)
    _wall("senders", "SELECT, INSERT, UPDATE, DELETE")
