"""Whom the worker has to visit: one question tells which organisations owe a kind of work, instead of asking each in turn.

The answer is ids of organisations, for the platform's own worker only. Each kind's condition is that of the job which does the
work, met by the index that the job itself uses; tests/service/test_owing.py holds the two against each other.

Revision ID: 20261122_0700
Revises: 20261122_0640
"""

from alembic import op

revision = "20261122_0700"
down_revision = "20261122_0640"
branch_labels = None
depends_on = None

OWING = """
CREATE FUNCTION organisations_owing(work text, kinds text[], since timestamptz) RETURNS uuid[]
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  moment timestamptz := app_now();
BEGIN
  IF NOT app_platform() OR app_user() IS NOT NULL THEN
    RAISE EXCEPTION 'only the worker asks who owes work';
  END IF;
  RETURN ARRAY(SELECT o.id FROM organisations o WHERE CASE work
    WHEN 'completion' THEN EXISTS (
      SELECT 1 FROM studies s WHERE s.organisation_id = o.id AND s.arrival = 'arriving' AND s.completes_at <= moment
        AND s.deleted_at IS NULL)
    WHEN 'sends' THEN EXISTS (
      SELECT 1 FROM archive_jobs j WHERE j.organisation_id = o.id AND j.kind = 'send'
        AND j.state IN ('waiting', 'running', 'cancelling'))
    WHEN 'erasure' THEN EXISTS (
      SELECT 1 FROM archive_deletions d WHERE d.organisation_id = o.id AND d.state IN ('hidden', 'erasing') AND d.erase_at <= moment)
    WHEN 'custody' THEN EXISTS (SELECT 1 FROM instance_digests d WHERE d.organisation_id = o.id AND d.due_at <= moment)
    WHEN 'exports' THEN EXISTS (
      SELECT 1 FROM deidentified_exports e WHERE e.organisation_id = o.id AND e.state IN ('waiting', 'working')
        AND e.next_at <= moment)
    WHEN 'metadata' THEN EXISTS (
      SELECT 1 FROM journal j JOIN series s ON s.organisation_id = j.organisation_id AND s.study_id = j.study_id
      WHERE j.organisation_id = o.id AND j.kind = ANY (kinds) AND j.at > since AND NOT EXISTS (
        SELECT 1 FROM series_metadata m
        WHERE m.organisation_id = s.organisation_id AND m.series_id = s.id AND m.instance_count = s.instance_count))
    WHEN 'thumbnails' THEN EXISTS (
      SELECT 1 FROM journal j JOIN series s ON s.organisation_id = j.organisation_id AND s.study_id = j.study_id
      WHERE j.organisation_id = o.id AND j.kind = ANY (kinds) AND j.at > since AND NOT EXISTS (
        SELECT 1 FROM series_thumbnails t
        WHERE t.organisation_id = s.organisation_id AND t.series_id = s.id AND t.instance_count = s.instance_count))
    WHEN 'forwarding' THEN EXISTS (
      SELECT 1 FROM forwardings f JOIN journal j ON j.organisation_id = f.organisation_id AND j.sequence > f.sequence
      WHERE f.organisation_id = o.id AND f.next_try_at <= moment)
    WHEN 'alerts' THEN
      NOT EXISTS (SELECT 1 FROM alert_watches w WHERE w.organisation_id = o.id)
      OR EXISTS (SELECT 1 FROM alerts a WHERE a.organisation_id = o.id AND a.told_at IS NULL AND a.acknowledged_at IS NULL)
      OR EXISTS (
        SELECT 1 FROM alert_watches w JOIN journal j ON j.organisation_id = w.organisation_id AND j.sequence > w.sequence
        WHERE w.organisation_id = o.id AND j.kind = ANY (kinds))
      OR EXISTS (
        SELECT 1 FROM journal j WHERE j.actor_organisation_id = o.id AND j.organisation_id <> j.actor_organisation_id
          AND j.at > since AND j.kind = ANY (kinds))
    WHEN 'happened' THEN EXISTS (
      SELECT 1 FROM journal j WHERE j.organisation_id = o.id AND j.kind = ANY (kinds) AND j.at > since)
  END ORDER BY o.id);
END $$;
REVOKE ALL ON FUNCTION organisations_owing(text, text[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION organisations_owing(text, text[], timestamptz) TO readingroom_app;
"""

READ_BY_THE_OWNER = (
    "archive_jobs",
    "archive_deletions",
    "instance_digests",
    "deidentified_exports",
    "series_metadata",
    "series_thumbnails",
    "forwardings",
    "alerts",
    "alert_watches",
)
"""Tables of which the owner's functions had no need to read a row before. The others have the policy already."""


def upgrade() -> None:
    op.execute(OWING)
    for table in READ_BY_THE_OWNER:
        op.execute(f"CREATE POLICY functions ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("ALTER POLICY functions ON organisations USING (true)")  # so far only the platform's own row


def downgrade() -> None:
    op.execute("ALTER POLICY functions ON organisations USING (kind = 'platform')")
    for table in READ_BY_THE_OWNER:
        op.execute(f"DROP POLICY functions ON {table}")
    op.execute("DROP FUNCTION organisations_owing(text, text[], timestamptz)")
