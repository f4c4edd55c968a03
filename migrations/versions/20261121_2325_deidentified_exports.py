"""Anonymised exports: projects with their sealed keys, exports, the images a person must look at.

Revision ID: 20261121_2325
Revises: 20261121_2320
"""

from alembic import op

revision = "20261121_2325"
down_revision = "20261121_2320"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE deidentification_projects (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    key_sealed BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_deidentification_projects PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_deidentification_projects_organisation_id_organisations FOREIGN KEY(organisation_id)
        REFERENCES organisations (id),
    CONSTRAINT uq_deidentification_projects_organisation_id_name UNIQUE (organisation_id, name)
);
CREATE TABLE deidentified_exports (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    project_id UUID NOT NULL,
    user_id UUID NOT NULL,
    user_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    options TEXT[] NOT NULL,
    hold_heads BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    problem TEXT NOT NULL,
    total INTEGER NOT NULL,
    done INTEGER NOT NULL,
    left_out INTEGER NOT NULL,
    size_bytes BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_deidentified_exports PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_deidentified_exports_organisation_id_project_id_deid_2058 FOREIGN KEY(organisation_id, project_id)
        REFERENCES deidentification_projects (organisation_id, id)
);
CREATE INDEX ix_deidentified_exports_organisation_id_created_at ON deidentified_exports (organisation_id, created_at);
CREATE INDEX ix_deidentified_exports_open ON deidentified_exports (organisation_id, next_at)
    WHERE state IN ('waiting', 'working');
CREATE TABLE exported_studies (
    organisation_id UUID NOT NULL,
    export_id UUID NOT NULL,
    study_id UUID NOT NULL,
    position INTEGER NOT NULL,
    CONSTRAINT pk_exported_studies PRIMARY KEY (organisation_id, export_id, study_id),
    CONSTRAINT fk_exported_studies_organisation_id_export_id_deidentif_560d FOREIGN KEY(organisation_id, export_id)
        REFERENCES deidentified_exports (organisation_id, id),
    CONSTRAINT fk_exported_studies_organisation_id_study_id_studies FOREIGN KEY(organisation_id, study_id)
        REFERENCES studies (organisation_id, id)
);
CREATE TABLE held_instances (
    organisation_id UUID NOT NULL,
    export_id UUID NOT NULL,
    orthanc_id TEXT NOT NULL,
    study_id UUID NOT NULL,
    series_id UUID NOT NULL,
    risks TEXT[] NOT NULL,
    decision TEXT NOT NULL,
    masks JSONB NOT NULL,
    decided_by_name TEXT NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_held_instances PRIMARY KEY (organisation_id, export_id, orthanc_id),
    CONSTRAINT fk_held_instances_organisation_id_export_id_deidentifie_3cbb FOREIGN KEY(organisation_id, export_id)
        REFERENCES deidentified_exports (organisation_id, id),
    CONSTRAINT fk_held_instances_organisation_id_orthanc_id_instances FOREIGN KEY(organisation_id, orthanc_id)
        REFERENCES instances (organisation_id, orthanc_id) ON DELETE CASCADE
);
"""
OWN = "organisation_id = app_org()"
TABLE_NAMES = ("held_instances", "exported_studies", "deidentified_exports", "deidentification_projects")


def upgrade() -> None:
    op.execute(TABLES)
    for table in TABLE_NAMES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY door ON {table} TO readingroom_app USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO readingroom_app USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO readingroom_app")


def downgrade() -> None:
    for table in TABLE_NAMES:
        op.execute(f"DROP TABLE {table} CASCADE")
