"""Access that ends, priors that are lent, break-glass, share links; and the walls that know of them.

Whatever ends, ends in the walls: they compare with ``app_now()``, the moment the transaction began by the Scope's clock.

- A reading group sees a routed study until ``studies.reading_ends_at`` (NULL while it is unsigned). Older studies of the patient
  are lent to it (``prior_loans``) as the contract says, for exactly as long as the study they are lent for: a trigger keeps both
  ends together, so that the application needs no right to move one.
- ``app_named()``: a viewer, whoever broke glass, and the bearer of a share link see only what is named for them, whatever their
  organisation owns.

Revision ID: 20261122_0325
Revises: 20261122_0320
"""

from alembic import op

revision = "20261122_0325"
down_revision = "20261122_0320"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE contracts ADD COLUMN reading_hours INTEGER NOT NULL DEFAULT 72, ADD COLUMN priors TEXT NOT NULL DEFAULT 'read';
ALTER TABLE studies ADD COLUMN reading_ends_at TIMESTAMP WITH TIME ZONE;
CREATE INDEX ix_studies_id ON studies (id);
CREATE INDEX ix_studies_reading_organisation_id_reading_ends_at ON studies (reading_organisation_id, reading_ends_at);
CREATE INDEX ix_reports_study_id ON reports (study_id);
CREATE TABLE prior_loans (
    organisation_id UUID NOT NULL,
    study_id UUID NOT NULL,
    reading_organisation_id UUID NOT NULL,
    for_study_id UUID NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_prior_loans PRIMARY KEY (organisation_id, study_id, for_study_id),
    CONSTRAINT fk_prior_loans_organisation_id_study_id_studies FOREIGN KEY(organisation_id, study_id)
        REFERENCES studies (organisation_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_prior_loans_organisation_id_for_study_id_studies FOREIGN KEY(organisation_id, for_study_id)
        REFERENCES studies (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_prior_loans_reading_organisation_id_ends_at ON prior_loans (reading_organisation_id, ends_at);
CREATE INDEX ix_prior_loans_organisation_id_for_study_id ON prior_loans (organisation_id, for_study_id);
CREATE TABLE study_shares (
    organisation_id UUID NOT NULL,
    study_id UUID NOT NULL,
    user_id UUID NOT NULL,
    user_organisation_id UUID NOT NULL,
    shared_at TIMESTAMP WITH TIME ZONE NOT NULL,
    shared_by_id UUID NOT NULL,
    shared_by_name TEXT NOT NULL,
    CONSTRAINT pk_study_shares PRIMARY KEY (organisation_id, study_id, user_id),
    CONSTRAINT fk_study_shares_organisation_id_study_id_studies FOREIGN KEY(organisation_id, study_id)
        REFERENCES studies (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_study_shares_user_id ON study_shares (user_id);
CREATE TABLE share_links (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    study_id UUID NOT NULL,
    what TEXT NOT NULL,
    recipient TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    code_hash TEXT,
    wrong_codes INTEGER NOT NULL,
    most_views INTEGER NOT NULL,
    views INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by_id UUID NOT NULL,
    created_by_name TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_viewed_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_by_name TEXT NOT NULL,
    CONSTRAINT pk_share_links PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_share_links_organisation_id_study_id_studies FOREIGN KEY(organisation_id, study_id)
        REFERENCES studies (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_share_links_token_hash ON share_links (token_hash);
CREATE INDEX ix_share_links_organisation_id_study_id ON share_links (organisation_id, study_id);
CREATE TABLE glasses (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    user_organisation_id UUID NOT NULL,
    user_name TEXT NOT NULL,
    role TEXT NOT NULL,
    reason TEXT NOT NULL,
    study_ids UUID[],
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    review_due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    reviewed_at TIMESTAMP WITH TIME ZONE,
    reviewed_by_id UUID,
    reviewed_by_name TEXT NOT NULL,
    verdict TEXT NOT NULL,
    remark TEXT NOT NULL,
    CONSTRAINT pk_glasses PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_glasses_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT ck_glasses_an_hour_at_most CHECK (ends_at <= opened_at + interval '60 minutes')
);
CREATE INDEX ix_glasses_user_id ON glasses (user_id);
CREATE INDEX ix_glasses_unreviewed ON glasses (organisation_id, review_due_at) WHERE reviewed_at IS NULL;
"""

# Whatever was signed before there was an end gets the one it would have had. FORCE binds the owner too, hence the pause.
ENDS = """
ALTER TABLE studies NO FORCE ROW LEVEL SECURITY;
UPDATE studies SET reading_ends_at = signed_at + interval '72 hours'
  WHERE status = 'final' AND signed_at IS NOT NULL AND reading_organisation_id <> organisation_id;
ALTER TABLE studies FORCE ROW LEVEL SECURITY;
"""

FUNCTIONS = """
CREATE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT coalesce(nullif(current_setting('app.now', true), '')::timestamptz, now()) $$;
CREATE FUNCTION app_named() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT coalesce(current_setting('app.named', true), '') = 'on' $$;
CREATE FUNCTION app_glass() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.glass', true), '')::uuid $$;
CREATE FUNCTION app_link() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.link', true), '')::uuid $$;

-- The organisation for whose whole archive the asking person broke glass: the platform's administrators only.
CREATE FUNCTION glass_organisation() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT organisation_id FROM glasses
  WHERE id = app_glass() AND user_id = app_user() AND study_ids IS NULL
    AND closed_at IS NULL AND opened_at <= app_now() AND ends_at > app_now()
$$;
-- The studies named for the asking person: shared with them, under broken glass, behind the link they hold.
CREATE FUNCTION named_studies() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT ARRAY(
    SELECT study_id FROM study_shares WHERE user_id = app_user()
    UNION ALL
    SELECT unnest(study_ids) FROM glasses
    WHERE id = app_glass() AND user_id = app_user()
      AND closed_at IS NULL AND opened_at <= app_now() AND ends_at > app_now()
    UNION ALL
    SELECT study_id FROM share_links WHERE id = app_link() AND ended_at IS NULL AND expires_at > app_now())
$$;
-- What the asking reading group is lent.
CREATE FUNCTION lent_studies() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT ARRAY(SELECT study_id FROM prior_loans
               WHERE reading_organisation_id = app_org() AND (ends_at IS NULL OR ends_at > app_now()))
$$;

-- Whoever breaks glass names a patient whom they cannot see: by Patient ID, accession number or a study's id, exactly. Ids of
-- the own organisation's studies of that patient are all they are told.
CREATE FUNCTION studies_of_patient(written text) RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  WITH found AS (
    SELECT id, patient_id FROM studies
    WHERE app_user() IS NOT NULL AND organisation_id = app_org() AND deleted_at IS NULL AND written <> ''
      AND (patient_id = written OR accession_number = written
           OR id = CASE WHEN written ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN written::uuid END))
  SELECT ARRAY(
    SELECT id FROM found
    UNION
    SELECT s.id FROM studies s JOIN found f ON s.patient_id = f.patient_id
    WHERE s.organisation_id = app_org() AND s.deleted_at IS NULL AND f.patient_id <> '')
$$;
REVOKE ALL ON FUNCTION studies_of_patient(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION studies_of_patient(text) TO readingroom_app;

CREATE FUNCTION end_loans() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE prior_loans SET ends_at = NEW.reading_ends_at
    WHERE organisation_id = NEW.organisation_id AND for_study_id = NEW.id;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION end_loans() FROM PUBLIC;
CREATE TRIGGER end_loans AFTER UPDATE OF reading_ends_at ON studies FOR EACH ROW
  WHEN (OLD.reading_ends_at IS DISTINCT FROM NEW.reading_ends_at) EXECUTE FUNCTION end_loans();
"""

CELL_ADDRESS = """
CREATE OR REPLACE FUNCTION cell_address(organisation uuid, OUT cell_id uuid, OUT http_port integer)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT c.id, c.http_port FROM cells c
  WHERE c.organisation_id = organisation
    AND (organisation = app_org() {glass}
         OR EXISTS (SELECT 1 FROM contracts k
                    WHERE k.organisation_id = organisation AND k.reading_organisation_id = app_org()))
$$
"""

OWN = "organisation_id = app_org()"
PARTIES = "(organisation_id = app_org() OR reading_organisation_id = app_org())"
VISIBLE = "EXISTS (SELECT 1 FROM studies s WHERE s.organisation_id = {table}.organisation_id AND s.id = {table}.{column})"
REPORTED = (
    "EXISTS (SELECT 1 FROM reports r WHERE r.organisation_id = report_versions.organisation_id"
    " AND r.id = report_versions.report_id)"
)
GLASS = "(SELECT glass_organisation() WHERE app_glass() IS NOT NULL)"
# Sub-selects without a parameter are worked out once for a statement, and an index can serve what they give. Each way to a
# study is an arm of its own, so that one bitmap is made of their indexes: a group reads what it sees, not all it ever read.
READING = "reading_organisation_id = (SELECT app_org())"
READ = f"({OWN} OR ({READING} AND reading_ends_at IS NULL) OR ({READING} AND reading_ends_at > (SELECT app_now()))"
STUDIES = (
    f"{READ} OR id = ANY ((SELECT lent_studies())::uuid[]) OR organisation_id = {GLASS})",
    PARTIES,
)
# What a group signed stays its own, text and all, after the images are out of its reach: it answers for it.
REPORTS = (
    f"author_organisation_id = app_org() OR (status = 'final' AND ({OWN} OR {VISIBLE.format(table='reports', column='study_id')}))",
    f"author_organisation_id = app_org() AND {VISIBLE.format(table='reports', column='study_id')}",
)
VERSIONS_WRITTEN = (
    f"{PARTIES} AND EXISTS (SELECT 1 FROM reports r WHERE r.organisation_id = report_versions.organisation_id"
    " AND r.id = report_versions.report_id AND r.author_organisation_id = app_org())"
)
VERSIONS = (f"{PARTIES} OR {REPORTED}", VERSIONS_WRITTEN)
BEFORE = {
    "studies": (PARTIES, PARTIES),
    "reports": (f"author_organisation_id = app_org() OR (status = 'final' AND {OWN})", REPORTS[1]),
    "report_versions": (PARTIES, VERSIONS_WRITTEN),
}

NAMED = {
    "studies": (
        f"(deleted_at IS NULL OR app_deleted()) AND (id = ANY ((SELECT named_studies())::uuid[]) OR organisation_id = {GLASS})"
    ),
    "series": VISIBLE.format(table="series", column="study_id"),
    "instances": VISIBLE.format(table="instances", column="study_id"),
    "reports": VISIBLE.format(table="reports", column="study_id"),
    "report_versions": REPORTED,
    "order_studies": VISIBLE.format(table="order_studies", column="study_id"),
    "orders": "EXISTS (SELECT 1 FROM order_studies m WHERE m.organisation_id = orders.organisation_id AND m.order_id = orders.id)",
    **{
        table: f"EXISTS (SELECT 1 FROM series r WHERE r.organisation_id = {table}.organisation_id AND r.id = {table}.series_id)"
        for table in ("series_metadata", "series_thumbnails")
    },
}
"""What of these tables exists for somebody who sees only what is named for them."""

WALLS = {
    "prior_loans": (f"{OWN} OR reading_organisation_id = app_org()", OWN, "SELECT, INSERT"),
    "study_shares": (
        "user_organisation_id = app_org()",
        f"user_organisation_id = app_org() AND {VISIBLE.format(table='study_shares', column='study_id')}",
        "SELECT, INSERT, DELETE",
    ),
    # Who holds a link is nobody yet: the hash of its token shows the one row.
    "share_links": (
        f"{OWN} OR token_hash = app_login()",
        f"{OWN} OR token_hash = app_login()",
        "SELECT, INSERT, UPDATE (wrong_codes, views, last_viewed_at, ended_at, ended_by_name)",
    ),
    # Nobody moves the end of an open glass: what may be written later is that it was closed, and what the review said.
    "glasses": (
        f"{OWN} OR user_id = app_user()",
        f"{OWN} OR user_id = app_user()",
        "SELECT, INSERT, UPDATE (closed_at, reviewed_at, reviewed_by_id, reviewed_by_name, verdict, remark)",
    ),
}

OWN_STUDIES = (
    "organisation_id, id, study_instance_uid, patient_id, patient_name, patient_name_words, patient_birth_date,"
    " patient_sex, accession_number, study_date, study_time, study_id, study_description, referring_physician_name,"
    " modalities_in_study, series_count, instance_count"
)


def _own_studies(named: str) -> str:
    return (
        f"CREATE OR REPLACE VIEW own_studies AS SELECT {OWN_STUDIES} FROM studies"
        f" WHERE organisation_id = app_org() AND deleted_at IS NULL{named}"
    )


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(ENDS)
    op.execute(FUNCTIONS)
    for table, (seen, written, privileges) in WALLS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY door ON {table} TO readingroom_app USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO readingroom_app USING ({seen}) WITH CHECK ({written})")
        op.execute(f"GRANT {privileges} ON {table} TO readingroom_app")
    # Glass is broken by a person for oneself, in one's own organisation; only the platform names another.
    op.execute(
        "CREATE POLICY wall_insert ON glasses AS RESTRICTIVE FOR INSERT TO readingroom_app WITH CHECK"
        f" (user_id = app_user() AND user_organisation_id = app_org() AND ({OWN} OR app_platform()))"
    )
    op.execute(f"CREATE POLICY wall_insert ON share_links AS RESTRICTIVE FOR INSERT TO readingroom_app WITH CHECK ({OWN})")
    op.execute("CREATE POLICY functions ON prior_loans TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute("CREATE POLICY functions ON glasses FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(CELL_ADDRESS.format(glass="OR organisation = glass_organisation()"))
    for table, (seen, written) in {"studies": STUDIES, "reports": REPORTS, "report_versions": VERSIONS}.items():
        op.execute(f"ALTER POLICY wall ON {table} USING ({seen}) WITH CHECK ({written})")
    for table, condition in NAMED.items():
        op.execute(
            f"CREATE POLICY named ON {table} AS RESTRICTIVE FOR SELECT TO readingroom_app"
            f" USING (NOT (SELECT app_named()) OR ({condition}))"
        )
    # The owner's view looks past the walls, so it asks the same.
    op.execute(_own_studies(" AND (NOT app_named() OR id = ANY ((SELECT named_studies())::uuid[]))"))


def downgrade() -> None:
    op.execute(_own_studies(""))
    for table in NAMED:
        op.execute(f"DROP POLICY named ON {table}")
    for table, (seen, written) in BEFORE.items():
        op.execute(f"ALTER POLICY wall ON {table} USING ({seen}) WITH CHECK ({written})")
    op.execute(CELL_ADDRESS.format(glass=""))
    op.execute("DROP TRIGGER end_loans ON studies")
    op.execute("DROP FUNCTION studies_of_patient(text)")
    for function in ("end_loans", "lent_studies", "named_studies", "glass_organisation"):
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("DROP TABLE prior_loans, study_shares, share_links, glasses")
    for function in ("app_link", "app_glass", "app_named", "app_now"):
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("DROP INDEX ix_reports_study_id")
    op.execute("DROP INDEX ix_studies_id")
    op.execute("DROP INDEX ix_studies_reading_organisation_id_reading_ends_at")
    op.execute("ALTER TABLE studies DROP COLUMN reading_ends_at")
    op.execute("ALTER TABLE contracts DROP COLUMN reading_hours, DROP COLUMN priors")
