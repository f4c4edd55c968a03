"""Searching a million studies; thumbnails.

Revision ID: 20261121_2330
Revises: 20261121_2325
"""

from alembic import op

revision = "20261121_2330"
down_revision = "20261121_2325"
branch_labels = None
depends_on = None

# A name as it is compared literally (PS3.4 C.2.2.2.1.1: PN without regard to case), and as a person would look for it: words
# without accents, each after a space. Trigrams of the second find candidates for the first.
FUNCTIONS = r"""
CREATE FUNCTION name_plain(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT rtrim(btrim(lower(normalize(name, NFC)), ' '), '^= ') $$;
CREATE FUNCTION name_words(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT ' ' || lower(translate(regexp_replace(normalize(name, NFKD), '[\u0300-\u036f]', '', 'g'), '^=,.-''', '      ')) $$;
"""

# Under row-level security an index serves only operators that cannot leak (equality, order), not LIKE and not arrays. So
# candidates are looked for in views of the owner, which show the asking organisation its own rows (a deleted study is none)
# and can be searched with every index. What is found there is read through the tables' walls like everything else.
VIEWS = {
    "own_studies": (
        "studies",
        "organisation_id, id, study_instance_uid, patient_id, patient_name, patient_name_words, patient_birth_date,"
        " patient_sex, accession_number, study_date, study_time, study_id, study_description, referring_physician_name,"
        " modalities_in_study, series_count, instance_count",
    ),
    "own_series": (
        "series",
        "organisation_id, id, study_id, series_instance_uid, modality, series_number, series_description,"
        " body_part_examined, series_date, series_time, instance_count",
    ),
    "own_instances": (
        "instances",
        "organisation_id, orthanc_id, series_id, study_id, sop_instance_uid, sop_class_uid, instance_number,"
        " number_of_frames, rows, columns",
    ),
}

INDEXES = """
CREATE INDEX ix_studies_latest ON studies (organisation_id, study_date DESC, study_time DESC, id);
CREATE INDEX ix_studies_search ON studies USING gin (organisation_id, patient_name_words gin_trgm_ops, patient_id gin_trgm_ops,
  accession_number gin_trgm_ops, study_description gin_trgm_ops, modalities_in_study) WITH (fastupdate = off);
CREATE INDEX ix_series_organisation_id_series_instance_uid ON series (organisation_id, series_instance_uid);
CREATE INDEX ix_instances_organisation_id_sop_instance_uid ON instances (organisation_id, sop_instance_uid);
"""

THUMBNAILS = """
CREATE TABLE series_thumbnails (
    organisation_id UUID NOT NULL,
    series_id UUID NOT NULL,
    instance_count INTEGER NOT NULL,
    body BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_series_thumbnails PRIMARY KEY (organisation_id, series_id),
    CONSTRAINT fk_series_thumbnails_organisation_id_series_id_series FOREIGN KEY(organisation_id, series_id) REFERENCES series (organisation_id, id) ON DELETE CASCADE
);
ALTER TABLE series_thumbnails ENABLE ROW LEVEL SECURITY;
ALTER TABLE series_thumbnails FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON series_thumbnails TO readingroom_app USING (true) WITH CHECK (true);
CREATE POLICY wall ON series_thumbnails AS RESTRICTIVE TO readingroom_app
  USING (organisation_id = app_org() OR EXISTS (SELECT 1 FROM series r WHERE r.organisation_id = series_thumbnails.organisation_id AND r.id = series_thumbnails.series_id))
  WITH CHECK (organisation_id = app_org());
GRANT SELECT, INSERT, UPDATE, DELETE ON series_thumbnails TO readingroom_app;
"""


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    op.execute(FUNCTIONS)
    op.execute(
        "ALTER TABLE studies ADD COLUMN patient_name_words TEXT NOT NULL GENERATED ALWAYS AS (name_words(patient_name)) STORED"
    )
    op.execute(INDEXES)
    for view, (table, columns) in VIEWS.items():
        op.execute(f"CREATE POLICY functions ON {table} FOR SELECT TO CURRENT_USER USING (true)")
        hidden = " AND deleted_at IS NULL" if table == "studies" else ""  # the wall's policy of the same name: owners bypass it
        op.execute(f"CREATE VIEW {view} AS SELECT {columns} FROM {table} WHERE organisation_id = app_org(){hidden}")
        op.execute(f"GRANT SELECT ON {view} TO readingroom_app")
    op.execute(THUMBNAILS)


def downgrade() -> None:
    op.execute("DROP TABLE series_thumbnails")
    for view, (table, _) in VIEWS.items():
        op.execute(f"DROP VIEW {view}")
        op.execute(f"DROP POLICY functions ON {table}")
    for index in (
        "ix_instances_organisation_id_sop_instance_uid",
        "ix_series_organisation_id_series_instance_uid",
        "ix_studies_search",
        "ix_studies_latest",
    ):
        op.execute(f"DROP INDEX {index}")
    op.execute("ALTER TABLE studies DROP COLUMN patient_name_words")
    op.execute("DROP FUNCTION name_words(text)")
    op.execute("DROP FUNCTION name_plain(text)")
    op.execute("DROP EXTENSION btree_gin")
    op.execute("DROP EXTENSION pg_trgm")
