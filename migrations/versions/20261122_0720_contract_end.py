"""What a hospital takes back from a reading group that never signed it, and contracts that say until when they are finished.

- ``take_backs``: who took which study back from whom, and why. Its rows are the hospital's; a group is told ids of studies that
  left its lists, and nothing besides.
- Older studies lent for the sake of one that changes its readers are lent no more, and it is itself not lent on to those who had
  it. A loan that was being made meanwhile is not made.
- A draft is its authors' own: whoever reads the study next begins a report of theirs. Only one of them is ever signed.

Revision ID: 20261122_0720
Revises: 20261122_0710
"""

from alembic import op

revision = "20261122_0720"
down_revision = "20261122_0710"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE contracts ADD COLUMN finishing_hours INTEGER NOT NULL DEFAULT 24,
  ADD COLUMN announced_at TIMESTAMP WITH TIME ZONE, ADD COLUMN closed_at TIMESTAMP WITH TIME ZONE;
CREATE TABLE take_backs (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    study_id UUID NOT NULL,
    reading_organisation_id UUID NOT NULL,
    contract_id UUID,
    reason TEXT NOT NULL,
    explanation TEXT NOT NULL,
    had_by_id UUID,
    taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
    taken_by_id UUID,
    taken_by_name TEXT NOT NULL,
    told_at TIMESTAMP WITH TIME ZONE,
    undone_at TIMESTAMP WITH TIME ZONE,
    undone_by_name TEXT NOT NULL,
    changed_xid BIGINT NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    CONSTRAINT pk_take_backs PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_take_backs_organisation_id_study_id_studies FOREIGN KEY(organisation_id, study_id)
        REFERENCES studies (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_take_backs_organisation_id_study_id ON take_backs (organisation_id, study_id);
CREATE INDEX ix_take_backs_reading_organisation_id_changed_xid ON take_backs (reading_organisation_id, changed_xid);
CREATE INDEX ix_take_backs_untold ON take_backs (organisation_id) WHERE told_at IS NULL;
ALTER TABLE reports DROP CONSTRAINT uq_reports_organisation_id_study_id;
ALTER TABLE reports ADD CONSTRAINT uq_reports_organisation_id_study_id_author_organisation_id
  UNIQUE (organisation_id, study_id, author_organisation_id);
CREATE UNIQUE INDEX ux_reports_signed ON reports (organisation_id, study_id) WHERE status = 'final';
"""

# What left a group's lists, for its open browsers: ids that they were shown before.
LEFT = """
CREATE FUNCTION taken_back_since(since bigint) RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT ARRAY(SELECT study_id FROM take_backs WHERE reading_organisation_id = app_org() AND changed_xid >= since)
$$;
REVOKE ALL ON FUNCTION taken_back_since(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION taken_back_since(bigint) TO readingroom_app;
CREATE POLICY functions ON take_backs FOR SELECT TO CURRENT_USER USING (true);
"""

LOANS = """
CREATE OR REPLACE FUNCTION end_loans() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.reading_organisation_id IS DISTINCT FROM OLD.reading_organisation_id THEN
    DELETE FROM prior_loans WHERE organisation_id = NEW.organisation_id
      AND (for_study_id = NEW.id OR (study_id = NEW.id AND reading_organisation_id = OLD.reading_organisation_id));
  END IF;
  UPDATE prior_loans SET ends_at = least(NEW.reading_ends_at, NEW.deleted_at)
    WHERE organisation_id = NEW.organisation_id AND for_study_id = NEW.id;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION begin_loan() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  reader uuid;
BEGIN
  SELECT least(reading_ends_at, deleted_at), reading_organisation_id INTO NEW.ends_at, reader FROM studies
    WHERE organisation_id = NEW.organisation_id AND id = NEW.for_study_id FOR SHARE;
  IF reader IS DISTINCT FROM NEW.reading_organisation_id THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER end_loans ON studies;
CREATE TRIGGER end_loans AFTER UPDATE OF reading_ends_at, deleted_at, reading_organisation_id ON studies FOR EACH ROW
  WHEN (OLD.reading_ends_at IS DISTINCT FROM NEW.reading_ends_at OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at
        OR OLD.reading_organisation_id IS DISTINCT FROM NEW.reading_organisation_id)
  EXECUTE FUNCTION end_loans();
"""

BEFORE = """
DROP TRIGGER end_loans ON studies;
CREATE TRIGGER end_loans AFTER UPDATE OF reading_ends_at, deleted_at ON studies FOR EACH ROW
  WHEN (OLD.reading_ends_at IS DISTINCT FROM NEW.reading_ends_at OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)
  EXECUTE FUNCTION end_loans();
CREATE OR REPLACE FUNCTION end_loans() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE prior_loans SET ends_at = least(NEW.reading_ends_at, NEW.deleted_at)
    WHERE organisation_id = NEW.organisation_id AND for_study_id = NEW.id;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION begin_loan() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  SELECT least(reading_ends_at, deleted_at) INTO NEW.ends_at FROM studies
    WHERE organisation_id = NEW.organisation_id AND id = NEW.for_study_id FOR SHARE;
  RETURN NEW;
END $$;
DROP FUNCTION taken_back_since(bigint);
DROP TABLE take_backs;
ALTER TABLE contracts DROP COLUMN finishing_hours, DROP COLUMN announced_at, DROP COLUMN closed_at;
DROP INDEX ux_reports_signed;
ALTER TABLE reports DROP CONSTRAINT uq_reports_organisation_id_study_id_author_organisation_id;
ALTER TABLE reports ADD CONSTRAINT uq_reports_organisation_id_study_id UNIQUE (organisation_id, study_id);
"""

OWN = "organisation_id = app_org()"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute("ALTER TABLE take_backs ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE take_backs FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY door ON take_backs TO readingroom_app USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY wall ON take_backs AS RESTRICTIVE TO readingroom_app USING ({OWN}) WITH CHECK ({OWN})")
    # Who sees only what is named for them has no part in it.
    op.execute("CREATE POLICY named ON take_backs AS RESTRICTIVE FOR SELECT TO readingroom_app USING (NOT (SELECT app_named()))")
    op.execute("GRANT SELECT, INSERT, UPDATE (told_at, undone_at, undone_by_name) ON take_backs TO readingroom_app")
    op.execute(LEFT)
    op.execute(LOANS)


def downgrade() -> None:
    op.execute(BEFORE)
