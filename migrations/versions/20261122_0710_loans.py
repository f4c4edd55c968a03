"""A loan ends with the study it was made for, also when that one is deleted, and at the very moment of a signature.

So far only a signature ended loans: older studies stayed lent for the sake of one that had been sent under the wrong patient
and was deleted, without an end. And a loan made while that study was being signed took no end over. Both ends are told to the
loans here, whatever the application says about them.

Revision ID: 20261122_0710
Revises: 20261122_0700
"""

from alembic import op

revision = "20261122_0710"
down_revision = "20261122_0700"
branch_labels = None
depends_on = None

# The study's row is the lock: a loan waits for whoever signs or deletes that study, and they for the loan; loans wait for no
# other loan, or arrivals of one patient would wait in a circle. least() leaves out what is NULL: neither signed nor deleted is
# no end.
ENDS = """
CREATE OR REPLACE FUNCTION end_loans() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE prior_loans SET ends_at = least(NEW.reading_ends_at, NEW.deleted_at)
    WHERE organisation_id = NEW.organisation_id AND for_study_id = NEW.id;
  RETURN NULL;
END $$;
CREATE FUNCTION begin_loan() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  SELECT least(reading_ends_at, deleted_at) INTO NEW.ends_at FROM studies
    WHERE organisation_id = NEW.organisation_id AND id = NEW.for_study_id FOR SHARE;
  RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION begin_loan() FROM PUBLIC;
CREATE POLICY locks ON studies FOR UPDATE TO CURRENT_USER USING (true) WITH CHECK (false);
CREATE TRIGGER begin_loan BEFORE INSERT ON prior_loans FOR EACH ROW EXECUTE FUNCTION begin_loan();
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
DROP POLICY locks ON studies;
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
