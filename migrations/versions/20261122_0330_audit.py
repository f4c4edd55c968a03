"""Signed checkpoints, how long the journal is kept, and what the explorer searches by.

Revision ID: 20261122_0330
Revises: 20261122_0325
"""

from alembic import op

revision = "20261122_0330"
down_revision = "20261122_0325"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE journal_checkpoints (
    organisation_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    hash BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    key TEXT NOT NULL,
    signature BYTEA NOT NULL,
    CONSTRAINT pk_journal_checkpoints PRIMARY KEY (organisation_id, sequence, kind),
    CONSTRAINT fk_journal_checkpoints_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE TABLE journal_keeping (
    organisation_id UUID NOT NULL,
    years INTEGER NOT NULL,
    hold_reason TEXT NOT NULL,
    held_at TIMESTAMP WITH TIME ZONE,
    held_by_name TEXT NOT NULL,
    checked_at TIMESTAMP WITH TIME ZONE,
    checked_rows BIGINT NOT NULL,
    fault TEXT NOT NULL,
    CONSTRAINT pk_journal_keeping PRIMARY KEY (organisation_id),
    CONSTRAINT ck_journal_keeping_six_years CHECK (years >= 6),
    CONSTRAINT fk_journal_keeping_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
ALTER TABLE journal ADD COLUMN outcome SMALLINT NOT NULL DEFAULT 0, ADD COLUMN subject_id UUID;
ALTER TABLE journal ALTER COLUMN outcome DROP DEFAULT;
"""

SUBJECT = "coalesce({0}->>'user_id', {0}->>'assignee_id', {0}->>'order_id')::uuid"
"""Whom or what a row is about beside its study: a person's account, a reader, an order."""

# The columns beside the body are there for searching; rows written before this one get theirs from the body that is hashed.
BACKFILL = f"""
ALTER TABLE journal DISABLE TRIGGER refuse_change;
UPDATE journal SET subject_id = {SUBJECT.format("(body::jsonb->'facts')")} WHERE body LIKE '%\\_id"%';
ALTER TABLE journal ENABLE TRIGGER refuse_change;
"""

INDEXES = """
DROP INDEX ix_journal_organisation_id_at;
CREATE INDEX ix_journal_organisation_id_at_sequence ON journal (organisation_id, at, sequence);
DROP INDEX ix_journal_actor_organisation_id_at;
CREATE INDEX ix_journal_elsewhere ON journal (actor_organisation_id, at) WHERE organisation_id <> actor_organisation_id;
CREATE INDEX ix_journal_organisation_id_actor_id_at ON journal (organisation_id, actor_id, at);
CREATE INDEX ix_journal_organisation_id_kind_at ON journal (organisation_id, kind, at);
CREATE INDEX ix_journal_subject ON journal (organisation_id, subject_id, at) WHERE subject_id IS NOT NULL;
CREATE INDEX ix_journal_refused ON journal (organisation_id, at, sequence) WHERE outcome <> 0;
"""

APPEND = """
CREATE OR REPLACE FUNCTION journal_append(organisation uuid, content text) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  head record;
  next_sequence bigint;
  previous bytea;
  facts jsonb := content::jsonb;
  uid text;
BEGIN
  IF (facts->>'actor_organisation')::uuid IS DISTINCT FROM app_org() THEN
    RAISE EXCEPTION 'a journal row names another organisation than the one acting';
  END IF;
  IF (facts->>'actor')::uuid IS DISTINCT FROM app_user() THEN
    RAISE EXCEPTION 'a journal row names another person than the one acting';
  END IF;
  IF facts->>'study' IS NOT NULL AND NOT facts ? 'study_uid' THEN
    -- Study Instance UID (PS3.15 A.5.2, Participant Object ID): the last of the sorted keys, so the text stays canonical.
    SELECT study_instance_uid INTO uid FROM studies s WHERE s.organisation_id = organisation AND s.id = (facts->>'study')::uuid;
    IF uid IS NOT NULL THEN
      content := left(content, -1) || ',"study_uid":' || to_json(uid)::text || '}';
    END IF;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('journal:' || organisation::text, 0));
  SELECT sequence, hash INTO head FROM journal WHERE organisation_id = organisation ORDER BY sequence DESC LIMIT 1;
  IF head IS NULL THEN -- everything was old enough to be forgotten: the chain goes on where its signed new beginning says
    SELECT sequence, hash INTO head FROM journal_checkpoints
    WHERE organisation_id = organisation AND kind = 'beginning' ORDER BY sequence DESC LIMIT 1;
  END IF;
  next_sequence := coalesce(head.sequence, 0) + 1;
  previous := coalesce(head.hash, decode(repeat('00', 32), 'hex'));
  INSERT INTO journal (organisation_id, sequence, at, kind, actor_id, actor_organisation_id, study_id, outcome, subject_id,
                       body, previous_hash, hash)
  VALUES (organisation, next_sequence, (facts->>'at')::timestamptz, facts->>'kind', (facts->>'actor')::uuid,
          (facts->>'actor_organisation')::uuid, (facts->>'study')::uuid, coalesce((facts->>'outcome')::smallint, 0),
          SUBJECT, content, previous,
          sha256(previous || uuid_send(organisation) || int8send(next_sequence) || convert_to(content, 'UTF8')));
  RETURN next_sequence;
END $$;
""".replace("SUBJECT", SUBJECT.format("(facts->'facts')"))

# A row may be removed, never changed, and that only when all of this holds: it is older than its organisation keeps its
# journal (never under six years, 45 CFR 164.316(b)(2)(i)), nobody holds the journal or the row's study, and a signed new
# beginning says where the chain goes on. Even the owner of the table is bound.
FORGET = """
CREATE FUNCTION refuse_journal_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE'
     AND OLD.at < now() - make_interval(years => coalesce(
           (SELECT greatest(k.years, 6) FROM journal_keeping k WHERE k.organisation_id = OLD.organisation_id), 6))
     AND NOT EXISTS (SELECT 1 FROM journal_keeping k WHERE k.organisation_id = OLD.organisation_id AND k.held_at IS NOT NULL)
     AND NOT EXISTS (SELECT 1 FROM legal_holds h WHERE h.organisation_id = OLD.organisation_id
                     AND h.study_id = OLD.study_id AND h.lifted_at IS NULL)
     AND EXISTS (SELECT 1 FROM journal_checkpoints c WHERE c.organisation_id = OLD.organisation_id
                 AND c.kind = 'beginning' AND c.sequence >= OLD.sequence) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'rows of journal never change, and go only when their time is over'
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
DROP TRIGGER refuse_change ON journal;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON journal FOR EACH ROW EXECUTE FUNCTION refuse_journal_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON journal_checkpoints FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON journal_checkpoints EXECUTE FUNCTION refuse_change();

-- The only way out of the journal, for the worker inside one organisation's walls: what lies before the newest beginning.
CREATE FUNCTION journal_forget(organisation uuid) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  gone bigint;
BEGIN
  IF organisation IS DISTINCT FROM app_org() OR app_user() IS NOT NULL THEN
    RAISE EXCEPTION 'only the organisation''s own worker forgets, and only its journal';
  END IF;
  DELETE FROM journal WHERE organisation_id = organisation AND sequence <= (
    SELECT max(c.sequence) FROM journal_checkpoints c WHERE c.organisation_id = organisation AND c.kind = 'beginning');
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;
REVOKE ALL ON FUNCTION journal_forget(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_forget(uuid) TO readingroom_app;
"""

OLD_APPEND = """
CREATE OR REPLACE FUNCTION journal_append(organisation uuid, content text) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  head record;
  next_sequence bigint;
  previous bytea;
  facts jsonb := content::jsonb;
BEGIN
  IF (facts->>'actor_organisation')::uuid IS DISTINCT FROM app_org() THEN
    RAISE EXCEPTION 'a journal row names another organisation than the one acting';
  END IF;
  IF (facts->>'actor')::uuid IS DISTINCT FROM app_user() THEN
    RAISE EXCEPTION 'a journal row names another person than the one acting';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('journal:' || organisation::text, 0));
  SELECT sequence, hash INTO head FROM journal WHERE organisation_id = organisation ORDER BY sequence DESC LIMIT 1;
  next_sequence := coalesce(head.sequence, 0) + 1;
  previous := coalesce(head.hash, decode(repeat('00', 32), 'hex'));
  INSERT INTO journal (organisation_id, sequence, at, kind, actor_id, actor_organisation_id, study_id, body,
                       previous_hash, hash)
  VALUES (organisation, next_sequence, (facts->>'at')::timestamptz, facts->>'kind', (facts->>'actor')::uuid,
          (facts->>'actor_organisation')::uuid, (facts->>'study')::uuid, content, previous,
          sha256(previous || uuid_send(organisation) || int8send(next_sequence) || convert_to(content, 'UTF8')));
  RETURN next_sequence;
END $$;
"""

UNDO = """
DROP FUNCTION journal_forget(uuid);
DROP TRIGGER refuse_change ON journal;
DROP FUNCTION refuse_journal_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON journal FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP POLICY functions ON legal_holds;
DROP TABLE journal_keeping;
DROP TABLE journal_checkpoints;
DROP INDEX ix_journal_refused;
DROP INDEX ix_journal_subject;
DROP INDEX ix_journal_organisation_id_kind_at;
DROP INDEX ix_journal_organisation_id_actor_id_at;
DROP INDEX ix_journal_organisation_id_at_sequence;
DROP INDEX ix_journal_elsewhere;
CREATE INDEX ix_journal_actor_organisation_id_at ON journal (actor_organisation_id, at);
CREATE INDEX ix_journal_organisation_id_at ON journal (organisation_id, at);
ALTER TABLE journal DROP COLUMN outcome, DROP COLUMN subject_id;
"""

OWN = "organisation_id = app_org()"
PRIVILEGES = {"journal_checkpoints": "SELECT, INSERT", "journal_keeping": "SELECT, INSERT, UPDATE"}


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(BACKFILL)
    op.execute(INDEXES)
    for table, privileges in PRIVILEGES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY door ON {table} TO readingroom_app USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO readingroom_app USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {privileges} ON {table} TO readingroom_app")
        op.execute(f"CREATE POLICY functions ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("CREATE POLICY functions ON legal_holds FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(APPEND)
    op.execute(FORGET)


def downgrade() -> None:
    op.execute(OLD_APPEND)
    op.execute(UNDO)
