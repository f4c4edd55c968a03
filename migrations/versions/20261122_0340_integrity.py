"""Signatures bound to content by a key, report PDFs sealed beside their versions, digests of stored instances.

Revision ID: 20261122_0340
Revises: 20261122_0335
"""

from alembic import op

revision = "20261122_0340"
down_revision = "20261122_0335"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE signing_authorities (
    organisation_id UUID NOT NULL,
    certificate TEXT NOT NULL,
    key_sealed BYTEA NOT NULL,
    clock_certificate TEXT NOT NULL,
    clock_key_sealed BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_signing_authorities PRIMARY KEY (organisation_id),
    CONSTRAINT fk_signing_authorities_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE TABLE report_documents (
    organisation_id UUID NOT NULL,
    report_id UUID NOT NULL,
    version INTEGER NOT NULL,
    reading_organisation_id UUID,
    pdf_sealed BYTEA NOT NULL,
    CONSTRAINT pk_report_documents PRIMARY KEY (organisation_id, report_id, version),
    CONSTRAINT fk_report_documents_organisation_id_report_id_version_re_cde4
        FOREIGN KEY(organisation_id, report_id, version) REFERENCES report_versions (organisation_id, report_id, version)
);
CREATE TABLE instance_digests (
    organisation_id UUID NOT NULL,
    orthanc_id TEXT NOT NULL,
    sha256 BYTEA,
    size_bytes BIGINT,
    recorded_at TIMESTAMP WITH TIME ZONE,
    verified_at TIMESTAMP WITH TIME ZONE,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    damage TEXT NOT NULL,
    CONSTRAINT pk_instance_digests PRIMARY KEY (organisation_id, orthanc_id),
    CONSTRAINT fk_instance_digests_organisation_id_orthanc_id_instances
        FOREIGN KEY(organisation_id, orthanc_id) REFERENCES instances (organisation_id, orthanc_id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX ix_instance_digests_organisation_id_due_at ON instance_digests (organisation_id, due_at);
CREATE INDEX ix_instance_digests_damaged ON instance_digests (organisation_id) WHERE damage <> '';
"""

# Whoever writes down an instance owes it a digest, whichever way it came: no arrival can forget. What was recorded stays.
CUSTODY = """
CREATE FUNCTION owe_digests() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO instance_digests (organisation_id, orthanc_id, due_at, damage)
    SELECT organisation_id, orthanc_id, now(), '' FROM arrived ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER owe_digests AFTER INSERT ON instances REFERENCING NEW TABLE AS arrived
  FOR EACH STATEMENT EXECUTE FUNCTION owe_digests();
CREATE TRIGGER refuse_change BEFORE UPDATE ON instance_digests FOR EACH ROW
  WHEN (OLD.sha256 IS NOT NULL AND (NEW.sha256, NEW.size_bytes, NEW.recorded_at)
    IS DISTINCT FROM (OLD.sha256, OLD.size_bytes, OLD.recorded_at)) EXECUTE FUNCTION refuse_change();
ALTER TABLE instances NO FORCE ROW LEVEL SECURITY;
INSERT INTO instance_digests (organisation_id, orthanc_id, due_at, damage)
  SELECT organisation_id, orthanc_id, now(), '' FROM instances;
ALTER TABLE instances FORCE ROW LEVEL SECURITY;
"""

# A wall that is FORCEd hides a table's rows from its owner too: it is lowered while the PDFs move. They are still open then; the
# vault seals them at the next rotation, and the worker at its next start (see sidecar.vault.rotation).
PAPERS_MOVE = """
ALTER TABLE report_versions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE report_versions DISABLE TRIGGER refuse_change;
ALTER TABLE report_versions ADD COLUMN pdf_hash TEXT, ADD COLUMN signature BYTEA, ADD COLUMN certificate TEXT;
UPDATE report_versions SET pdf_hash = encode(sha256(pdf), 'hex');
INSERT INTO report_documents (organisation_id, report_id, version, reading_organisation_id, pdf_sealed)
  SELECT organisation_id, report_id, version, reading_organisation_id, pdf FROM report_versions;
ALTER TABLE report_versions ALTER COLUMN pdf_hash SET NOT NULL, DROP COLUMN pdf;
ALTER TABLE report_versions ENABLE TRIGGER refuse_change;
ALTER TABLE report_versions FORCE ROW LEVEL SECURITY;
"""
PAPERS_MOVE_BACK = """
ALTER TABLE report_versions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE report_documents NO FORCE ROW LEVEL SECURITY;
DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM report_documents WHERE substr(pdf_sealed, 1, 4) <> '%PDF') THEN
    RAISE EXCEPTION 'reports on paper are sealed by now: only the application can open them, no migration';
  END IF;
END $$;
ALTER TABLE report_versions DISABLE TRIGGER refuse_change;
ALTER TABLE report_versions ADD COLUMN pdf BYTEA;
UPDATE report_versions v SET pdf = d.pdf_sealed FROM report_documents d
  WHERE (d.organisation_id, d.report_id, d.version) = (v.organisation_id, v.report_id, v.version);
ALTER TABLE report_versions ALTER COLUMN pdf SET NOT NULL,
  DROP COLUMN pdf_hash, DROP COLUMN signature, DROP COLUMN certificate;
ALTER TABLE report_versions ENABLE TRIGGER refuse_change;
ALTER TABLE report_versions FORCE ROW LEVEL SECURITY;
"""

OWN = "organisation_id = app_org()"
PARTIES = "(organisation_id = app_org() OR reading_organisation_id = app_org())"
KNOWN = "EXISTS (SELECT 1 FROM organisations o WHERE o.id = {table}.organisation_id)"
VERSION = (
    "EXISTS (SELECT 1 FROM report_versions v WHERE v.organisation_id = report_documents.organisation_id"
    " AND v.report_id = report_documents.report_id AND v.version = report_documents.version)"
)
AUTHORS = (
    "EXISTS (SELECT 1 FROM reports r WHERE r.organisation_id = report_documents.organisation_id"
    " AND r.id = report_documents.report_id AND r.author_organisation_id = app_org())"
)

WALLS = {
    # Whoever reads a report checks its signature against its authority; the keys beside the certificates are sealed.
    "signing_authorities": (
        f"{OWN} OR {KNOWN.format(table='signing_authorities')}",
        OWN,
        "SELECT, INSERT, UPDATE (key_sealed, clock_key_sealed)",
    ),
    # Whoever sees the version sees its paper: what is lent, shared and ended is decided there alone.
    "report_documents": (VERSION, PARTIES, "SELECT, INSERT, UPDATE (pdf_sealed)"),
    "instance_digests": (OWN, OWN, "SELECT, INSERT, UPDATE"),
}


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(PAPERS_MOVE)
    op.execute(CUSTODY)
    for table, (seen, written, privileges) in WALLS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY door ON {table} TO readingroom_app USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO readingroom_app USING ({seen}) WITH CHECK ({written})")
        op.execute(f"GRANT {privileges} ON {table} TO readingroom_app")
    op.execute("GRANT UPDATE (content_sealed) ON access_reviews TO readingroom_app")  # as said of it by its hash; the key changes
    # Who writes the report puts its paper beside it; sealing it anew under another key is the owner's.
    op.execute(
        f"CREATE POLICY wall_insert ON report_documents AS RESTRICTIVE FOR INSERT TO readingroom_app WITH CHECK ({AUTHORS})"
    )
    op.execute(f"CREATE POLICY wall_update ON report_documents AS RESTRICTIVE FOR UPDATE TO readingroom_app USING ({OWN})")


def downgrade() -> None:
    op.execute("REVOKE UPDATE (content_sealed) ON access_reviews FROM readingroom_app")
    op.execute(PAPERS_MOVE_BACK)
    op.execute("DROP TRIGGER owe_digests ON instances")
    op.execute("DROP FUNCTION owe_digests()")
    op.execute("DROP TABLE instance_digests, report_documents, signing_authorities")
