"""A loan ends with the study it was made for, also when that one is deleted, and at the very moment of a signature.

So far only a signature ended loans: older studies stayed lent for the sake of one that had been sent under the wrong patient
and was deleted, without an end. And a loan made while that study was being signed took no end over. Both ends are told to the
loans here, under one lock for each study, whatever the application says about them.

Revision ID: 20261122_0710
Revises: 20261122_0700
"""

from alembic import op

revision = "20261122_0710"
down_revision = "20261122_0700"
branch_labels = None
depends_on = None

# begin_loan comes after the foreign key's own trigger (by name), so after the lock on the study's row: who deletes a study has
# that row first and then wants this lock. least() leaves out what is NULL: neither signed nor deleted is no end.
ENDS = """
CREATE OR REPLACE FUNCTION end_loans() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('loans:' || NEW.id::text, 0));
  UPDATE prior_loans SET ends_at = least(NEW.reading_ends_at, NEW.deleted_at)
    WHERE organisation_id = NEW.organisation_id AND for_study_id = NEW.id;
  RETURN NULL;
END $$;
CREATE FUNCTION begin_loan() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('loans:' || NEW.for_study_id::text, 0));
  UPDATE prior_loans l SET ends_at = least(s.reading_ends_at, s.deleted_at) FROM studies s
    WHERE (l.organisation_id, l.study_id, l.for_study_id) = (NEW.organisation_id, NEW.study_id, NEW.for_study_id)
      AND s.organisation_id = l.organisation_id AND s.id = l.for_study_id
      AND l.ends_at IS DISTINCT FROM least(s.reading_ends_at, s.deleted_at);
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION begin_loan() FROM PUBLIC;
CREATE TRIGGER begin_loan AFTER INSERT ON prior_loans FOR EACH ROW EXECUTE FUNCTION begin_loan();
DROP TRIGGER end_loans ON studies;
CREATE TRIGGER end_loans AFTER UPDATE OF reading_ends_at, deleted_at ON studies FOR EACH ROW
  WHEN (OLD.reading_ends_at IS DISTINCT FROM NEW.reading_ends_at OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)
  EXECUTE FUNCTION end_loans();
UPDATE prior_loans l SET ends_at = least(s.reading_ends_at, s.deleted_at) FROM studies s
  WHERE s.organisation_id = l.organisation_id AND s.id = l.for_study_id
    AND l.ends_at IS DISTINCT FROM least(s.reading_ends_at, s.deleted_at);
"""

BEFORE = """
DROP TRIGGER end_loans ON studies;
CREATE TRIGGER end_loans AFTER UPDATE OF reading_ends_at ON studies FOR EACH ROW
  WHEN (OLD.reading_ends_at IS DISTINCT FROM NEW.reading_ends_at) EXECUTE FUNCTION end_loans();
DROP TRIGGER begin_loan ON prior_loans;
DROP FUNCTION begin_loan();
CREATE OR REPLACE FUNCTION end_loans() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE prior_loans SET ends_at = NEW.reading_ends_at
    WHERE organisation_id = NEW.organisation_id AND for_study_id = NEW.id;
  RETURN NULL;
END $$;
"""


def upgrade() -> None:
    op.execute(ENDS)


def downgrade() -> None:
    op.execute(BEFORE)
