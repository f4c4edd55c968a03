"""The archive room: downloads, sends, deletions, retention, legal hold.

A deleted study is hidden by the wall itself: no query of any room can show it to a person by forgetting a condition. Machines
(no person in ``app.user``) see it, and so does a transaction that says so (``app.deleted``).

Revision ID: 20261121_2320
Revises: 20261121_2310
"""

from alembic import op

revision = "20261121_2320"
down_revision = "20261121_2310"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE studies ADD COLUMN deleted_at TIMESTAMP WITH TIME ZONE;
CREATE TABLE archive_jobs (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    study_id UUID NOT NULL,
    series_id UUID,
    user_id UUID NOT NULL,
    user_name TEXT NOT NULL,
    user_organisation_id UUID NOT NULL,
    target TEXT NOT NULL,
    total INTEGER NOT NULL,
    done INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    cell_job TEXT NOT NULL,
    problem TEXT NOT NULL,
    problem_detail TEXT NOT NULL,
    options JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_archive_jobs PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_archive_jobs_organisation_id_study_id_studies FOREIGN KEY(organisation_id, study_id)
        REFERENCES studies (organisation_id, id)
);
CREATE INDEX ix_archive_jobs_user_organisation_id_created_at ON archive_jobs (user_organisation_id, created_at);
CREATE INDEX ix_archive_jobs_open ON archive_jobs (organisation_id)
    WHERE state IN ('waiting', 'running', 'cancelling');
CREATE TABLE archive_deletions (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    study_id UUID NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    explanation TEXT NOT NULL,
    images INTEGER NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    asked_by_id UUID NOT NULL,
    asked_by_name TEXT NOT NULL,
    erase_at TIMESTAMP WITH TIME ZONE NOT NULL,
    erased_at TIMESTAMP WITH TIME ZONE,
    undone_at TIMESTAMP WITH TIME ZONE,
    undone_by_name TEXT NOT NULL,
    problem TEXT NOT NULL,
    CONSTRAINT pk_archive_deletions PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_archive_deletions_organisation_id_study_id_studies FOREIGN KEY(organisation_id, study_id)
        REFERENCES studies (organisation_id, id)
);
CREATE INDEX ix_archive_deletions_organisation_id_study_id ON archive_deletions (organisation_id, study_id);
CREATE INDEX ix_archive_deletions_due ON archive_deletions (organisation_id, erase_at)
    WHERE state IN ('hidden', 'erasing');
CREATE TABLE legal_holds (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    study_id UUID NOT NULL,
    reason TEXT NOT NULL,
    set_at TIMESTAMP WITH TIME ZONE NOT NULL,
    set_by_name TEXT NOT NULL,
    lifted_at TIMESTAMP WITH TIME ZONE,
    lifted_by_name TEXT NOT NULL,
    lift_reason TEXT NOT NULL,
    CONSTRAINT pk_legal_holds PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_legal_holds_organisation_id_study_id_studies FOREIGN KEY(organisation_id, study_id)
        REFERENCES studies (organisation_id, id)
);
CREATE UNIQUE INDEX uq_legal_holds_standing ON legal_holds (organisation_id, study_id) WHERE lifted_at IS NULL;
CREATE TABLE retention_periods (
    organisation_id UUID NOT NULL,
    years INTEGER NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_by_name TEXT NOT NULL,
    CONSTRAINT pk_retention_periods PRIMARY KEY (organisation_id),
    CONSTRAINT fk_retention_periods_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE TABLE erased_studies (
    organisation_id UUID NOT NULL,
    study_id UUID NOT NULL,
    orthanc_id TEXT NOT NULL,
    erased_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_erased_studies PRIMARY KEY (organisation_id, study_id),
    CONSTRAINT fk_erased_studies_organisation_id_study_id_studies FOREIGN KEY(organisation_id, study_id)
        REFERENCES studies (organisation_id, id)
);
CREATE INDEX ix_erased_studies_organisation_id_orthanc_id ON erased_studies (organisation_id, orthanc_id);
CREATE FUNCTION app_deleted() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT coalesce(current_setting('app.deleted', true), '') = 'on' $$;
"""

OWN = "organisation_id = app_org()"
VISIBLE_STUDY = "EXISTS (SELECT 1 FROM studies s WHERE s.organisation_id = {table}.organisation_id AND s.id = {table}.study_id)"
OWNERS_MACHINE = f"({OWN} AND app_user() IS NULL)"

# table: (who sees a row, who may write it, privileges of the application)
WALLS = {
    # A job belongs to the organisation of who started it; the owner's worker carries it out.
    "archive_jobs": (
        f"user_organisation_id = app_org() OR {OWNERS_MACHINE}",
        f"(user_organisation_id = app_org() AND {VISIBLE_STUDY.format(table='archive_jobs')}) OR {OWNERS_MACHINE}",
        "SELECT, INSERT, UPDATE",
    ),
    "archive_deletions": (OWN, OWN, "SELECT, INSERT, UPDATE"),
    "legal_holds": (OWN, OWN, "SELECT, INSERT, UPDATE"),
    "retention_periods": (OWN, OWN, "SELECT, INSERT, UPDATE"),
    "erased_studies": (OWN, OWN, "SELECT, INSERT"),
}


def upgrade() -> None:
    op.execute(TABLES)
    for table, (seen, written, privileges) in WALLS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY door ON {table} TO readingroom_app USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO readingroom_app USING ({seen}) WITH CHECK ({written})")
        op.execute(f"GRANT {privileges} ON {table} TO readingroom_app")
    op.execute(
        "CREATE POLICY hidden ON studies AS RESTRICTIVE TO readingroom_app"
        " USING (deleted_at IS NULL OR app_user() IS NULL OR app_deleted())"
    )
    # Series (and with them instances, metadata, thumbnails) go only by the owner's worker, and only of a deleted study.
    op.execute("GRANT DELETE ON series TO readingroom_app")
    op.execute(
        "CREATE POLICY wall_delete ON series AS RESTRICTIVE FOR DELETE TO readingroom_app"
        f" USING ({OWNERS_MACHINE} AND EXISTS (SELECT 1 FROM studies s WHERE s.organisation_id = series.organisation_id"
        " AND s.id = series.study_id AND s.deleted_at IS NOT NULL))"
    )


def downgrade() -> None:
    op.execute("DROP POLICY wall_delete ON series")
    op.execute("REVOKE DELETE ON series FROM readingroom_app")
    op.execute("DROP POLICY hidden ON studies")
    for table in WALLS:
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute("DROP FUNCTION app_deleted()")
    op.execute("ALTER TABLE studies DROP COLUMN deleted_at")
