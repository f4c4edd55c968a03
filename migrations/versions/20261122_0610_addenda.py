"""Addenda to signed reports: their drafts, and which version each became.

Revision ID: 20261122_0610
Revises: 20261122_0340
"""

from alembic import op

revision = "20261122_0610"
down_revision = "20261122_0340"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE report_addenda (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    report_id UUID NOT NULL,
    status TEXT NOT NULL,
    purpose TEXT NOT NULL,
    text TEXT NOT NULL,
    revision INTEGER NOT NULL,
    author_id UUID NOT NULL,
    author_organisation_id UUID NOT NULL,
    author_name TEXT NOT NULL,
    lock_until TIMESTAMP WITH TIME ZONE,
    version INTEGER,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_report_addenda PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_report_addenda_organisation_id_report_id_reports
        FOREIGN KEY(organisation_id, report_id) REFERENCES reports (organisation_id, id),
    CONSTRAINT fk_report_addenda_organisation_id_report_id_version_rep_dc21
        FOREIGN KEY(organisation_id, report_id, version) REFERENCES report_versions (organisation_id, report_id, version),
    CONSTRAINT ck_report_addenda_signed CHECK ((status = 'final') = (version IS NOT NULL))
);
CREATE UNIQUE INDEX ux_report_addenda_open ON report_addenda (organisation_id, report_id) WHERE status = 'draft';
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON report_addenda
  FOR EACH ROW WHEN (OLD.status = 'final') EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON report_addenda EXECUTE FUNCTION refuse_change();
"""

# The hospital reads what was added in the report's versions, once it is signed; what is being written is its authors' own. They
# write while they see the study: its wall says until when.
SEEN = "author_organisation_id = app_org()"
WRITTEN = (
    "author_organisation_id = app_org() AND EXISTS (SELECT 1 FROM reports r"
    " JOIN studies s ON s.organisation_id = r.organisation_id AND s.id = r.study_id"
    " WHERE r.organisation_id = report_addenda.organisation_id AND r.id = report_addenda.report_id"
    " AND r.status = 'final' AND r.author_organisation_id = app_org())"
)


def upgrade() -> None:
    op.execute(TABLES)
    op.execute("ALTER TABLE report_addenda ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE report_addenda FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY door ON report_addenda TO readingroom_app USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY wall ON report_addenda AS RESTRICTIVE TO readingroom_app USING ({SEEN}) WITH CHECK ({WRITTEN})")
    # Who sees only what is named for them sees no drafts.
    op.execute(
        "CREATE POLICY named ON report_addenda AS RESTRICTIVE FOR SELECT TO readingroom_app USING (NOT (SELECT app_named()))"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON report_addenda TO readingroom_app")


def downgrade() -> None:
    op.execute("DROP TABLE report_addenda")
