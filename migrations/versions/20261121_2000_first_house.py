"""The first house: tenants, accounts, studies, reports, inbox, journal, and the wall around each.

Revision ID: 20261121_2000
Revises: none
"""

from alembic import op

revision = "20261121_2000"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE inbox (
    organisation_id UUID NOT NULL,
    event_id UUID NOT NULL,
    kind TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_inbox PRIMARY KEY (organisation_id, event_id)
);
CREATE TABLE journal (
    organisation_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    kind TEXT NOT NULL,
    actor_id UUID,
    actor_organisation_id UUID,
    study_id UUID,
    body TEXT NOT NULL,
    previous_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_journal PRIMARY KEY (organisation_id, sequence)
);
CREATE INDEX ix_journal_organisation_id_at ON journal (organisation_id, at);
CREATE INDEX ix_journal_organisation_id_study_id ON journal (organisation_id, study_id);
CREATE INDEX ix_journal_actor_organisation_id_at ON journal (actor_organisation_id, at);
CREATE TABLE organisations (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    letterhead TEXT NOT NULL,
    zone TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_organisations PRIMARY KEY (id),
    CONSTRAINT uq_organisations_name UNIQUE (name)
);
CREATE TABLE cells (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    aet TEXT NOT NULL,
    dicom_port INTEGER NOT NULL,
    http_port INTEGER NOT NULL,
    secret_hash TEXT NOT NULL,
    wanted TEXT NOT NULL,
    state TEXT NOT NULL,
    last_error TEXT NOT NULL,
    disk_bytes BIGINT NOT NULL,
    restarted_at TIMESTAMP WITH TIME ZONE,
    seen_at TIMESTAMP WITH TIME ZONE,
    last_image_at TIMESTAMP WITH TIME ZONE,
    changes_cursor BIGINT NOT NULL,
    policy_revision BIGINT NOT NULL,
    versions JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_cells PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_cells_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT uq_cells_organisation_id UNIQUE (organisation_id)
);
CREATE TABLE contracts (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    reading_organisation_id UUID NOT NULL,
    modalities TEXT[],
    turnaround_minutes JSONB NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_contracts PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_contracts_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT fk_contracts_reading_organisation_id_organisations FOREIGN KEY(reading_organisation_id) REFERENCES organisations (id)
);
CREATE INDEX ix_contracts_reading_organisation_id ON contracts (reading_organisation_id);
CREATE TABLE refused_associations (
    organisation_id UUID NOT NULL,
    aet TEXT NOT NULL,
    address TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_refused_associations PRIMARY KEY (organisation_id, aet, address, reason),
    CONSTRAINT fk_refused_associations_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE TABLE senders (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    aet TEXT NOT NULL,
    network TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_senders PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_senders_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT uq_senders_organisation_id_aet_network UNIQUE (organisation_id, aet, network)
);
CREATE TABLE studies (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    reading_organisation_id UUID,
    orthanc_id TEXT NOT NULL,
    study_instance_uid TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    patient_name TEXT NOT NULL,
    patient_birth_date TEXT NOT NULL,
    patient_sex TEXT NOT NULL,
    accession_number TEXT NOT NULL,
    study_date TEXT NOT NULL,
    study_time TEXT NOT NULL,
    study_id TEXT NOT NULL,
    study_description TEXT NOT NULL,
    referring_physician_name TEXT NOT NULL,
    modalities_in_study TEXT[] NOT NULL,
    series_count INTEGER NOT NULL,
    instance_count INTEGER NOT NULL,
    arrival TEXT NOT NULL,
    arrived_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_image_at TIMESTAMP WITH TIME ZONE NOT NULL,
    completes_at TIMESTAMP WITH TIME ZONE NOT NULL,
    priority TEXT NOT NULL,
    priority_rank SMALLINT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    status TEXT NOT NULL,
    assignee_id UUID,
    assignee_name TEXT NOT NULL,
    lock_user_id UUID,
    lock_user_name TEXT NOT NULL,
    lock_until TIMESTAMP WITH TIME ZONE,
    signed_at TIMESTAMP WITH TIME ZONE,
    changed_xid BIGINT NOT NULL,
    CONSTRAINT pk_studies PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_studies_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT fk_studies_reading_organisation_id_organisations FOREIGN KEY(reading_organisation_id) REFERENCES organisations (id),
    CONSTRAINT uq_studies_organisation_id_orthanc_id UNIQUE (organisation_id, orthanc_id)
);
CREATE INDEX ix_studies_arriving ON studies (organisation_id, completes_at) WHERE arrival = 'arriving';
CREATE INDEX ix_studies_open ON studies (organisation_id) WHERE status <> 'final';
CREATE INDEX ix_studies_open_reading ON studies (reading_organisation_id) WHERE status <> 'final';
CREATE INDEX ix_studies_organisation_id_arrived_at ON studies (organisation_id, arrived_at);
CREATE INDEX ix_studies_organisation_id_changed_xid ON studies (organisation_id, changed_xid);
CREATE INDEX ix_studies_organisation_id_patient_id ON studies (organisation_id, patient_id);
CREATE INDEX ix_studies_organisation_id_study_instance_uid ON studies (organisation_id, study_instance_uid);
CREATE INDEX ix_studies_reading_organisation_id_arrived_at ON studies (reading_organisation_id, arrived_at);
CREATE INDEX ix_studies_reading_organisation_id_changed_xid ON studies (reading_organisation_id, changed_xid);
CREATE TABLE users (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    zone TEXT NOT NULL,
    password_hash TEXT,
    totp_sealed BYTEA,
    totp_last_step BIGINT NOT NULL,
    invitation_hash TEXT,
    invitation_expires_at TIMESTAMP WITH TIME ZONE,
    disabled_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_users_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT uq_users_organisation_id_email UNIQUE (organisation_id, email)
);
CREATE TABLE reading_contexts (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    user_organisation_id UUID NOT NULL,
    session TEXT NOT NULL,
    study_id UUID NOT NULL,
    study_ids UUID[] NOT NULL,
    study_instance_uids TEXT[] NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_reading_contexts PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_reading_contexts_organisation_id_study_id_studies FOREIGN KEY(organisation_id, study_id) REFERENCES studies (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_reading_contexts_expires_at ON reading_contexts (expires_at);
CREATE TABLE reports (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    study_id UUID NOT NULL,
    reading_organisation_id UUID,
    status TEXT NOT NULL,
    author_id UUID NOT NULL,
    author_organisation_id UUID NOT NULL,
    author_name TEXT NOT NULL,
    sections JSONB NOT NULL,
    revision INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_reports PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_reports_organisation_id_study_id_studies FOREIGN KEY(organisation_id, study_id) REFERENCES studies (organisation_id, id),
    CONSTRAINT uq_reports_organisation_id_study_id UNIQUE (organisation_id, study_id)
);
CREATE TABLE series (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    study_id UUID NOT NULL,
    orthanc_id TEXT NOT NULL,
    series_instance_uid TEXT NOT NULL,
    modality TEXT NOT NULL,
    series_number INTEGER,
    series_description TEXT NOT NULL,
    body_part_examined TEXT NOT NULL,
    series_date TEXT NOT NULL,
    series_time TEXT NOT NULL,
    instance_count INTEGER NOT NULL,
    CONSTRAINT pk_series PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_series_organisation_id_study_id_studies FOREIGN KEY(organisation_id, study_id) REFERENCES studies (organisation_id, id) ON DELETE CASCADE,
    CONSTRAINT uq_series_organisation_id_study_id_series_instance_uid UNIQUE (organisation_id, study_id, series_instance_uid)
);
CREATE TABLE instances (
    organisation_id UUID NOT NULL,
    orthanc_id TEXT NOT NULL,
    series_id UUID NOT NULL,
    study_id UUID NOT NULL,
    sop_instance_uid TEXT NOT NULL,
    sop_class_uid TEXT NOT NULL,
    instance_number INTEGER,
    number_of_frames INTEGER NOT NULL,
    rows INTEGER,
    columns INTEGER,
    remote_aet TEXT NOT NULL,
    remote_ip TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_instances PRIMARY KEY (organisation_id, orthanc_id),
    CONSTRAINT fk_instances_organisation_id_series_id_series FOREIGN KEY(organisation_id, series_id) REFERENCES series (organisation_id, id) ON DELETE CASCADE,
    CONSTRAINT uq_instances_organisation_id_series_id_sop_instance_uid UNIQUE (organisation_id, series_id, sop_instance_uid)
);
CREATE TABLE report_versions (
    organisation_id UUID NOT NULL,
    report_id UUID NOT NULL,
    version INTEGER NOT NULL,
    reading_organisation_id UUID,
    content JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    signer_id UUID NOT NULL,
    signer_name TEXT NOT NULL,
    signed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    meaning TEXT NOT NULL,
    pdf BYTEA NOT NULL,
    CONSTRAINT pk_report_versions PRIMARY KEY (organisation_id, report_id, version),
    CONSTRAINT fk_report_versions_organisation_id_report_id_reports FOREIGN KEY(organisation_id, report_id) REFERENCES reports (organisation_id, id)
);
CREATE TABLE series_metadata (
    organisation_id UUID NOT NULL,
    series_id UUID NOT NULL,
    instance_count INTEGER NOT NULL,
    body BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_series_metadata PRIMARY KEY (organisation_id, series_id),
    CONSTRAINT fk_series_metadata_organisation_id_series_id_series FOREIGN KEY(organisation_id, series_id) REFERENCES series (organisation_id, id) ON DELETE CASCADE
);
"""

# What a transaction runs for is told by the Scope with set_config(…, true). A pooled connection reports '' afterwards,
# hence nullif: an empty wall shows nothing.
FUNCTIONS = """
CREATE FUNCTION app_org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.org', true), '')::uuid $$;
CREATE FUNCTION app_user() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.user', true), '')::uuid $$;
CREATE FUNCTION app_platform() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT coalesce(current_setting('app.platform', true), '') = 'on' $$;
CREATE FUNCTION app_login() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.login', true), '') $$;
CREATE FUNCTION app_cell() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.cell', true), '')::uuid $$;

CREATE FUNCTION stamp_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_xid := pg_current_xact_id()::text::bigint;
  RETURN NEW;
END $$;
CREATE TRIGGER stamp_change BEFORE INSERT OR UPDATE ON studies FOR EACH ROW EXECUTE FUNCTION stamp_change();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % never change', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON report_versions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON journal FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON report_versions EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON journal EXECUTE FUNCTION refuse_change();

-- Functions that run as the owner name pg_temp last: by default a caller's temporary table comes before ours, and its
-- triggers would run as the owner too. The application needs no temporary tables.
DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$;

-- The only way into the journal. The chain's head is read under a lock held to the end of the transaction.
CREATE FUNCTION journal_append(organisation uuid, content text) RETURNS bigint
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

-- Where a provider's cell listens, for its own people and for its contracted readers, and nothing else about it.
CREATE FUNCTION cell_address(organisation uuid, OUT cell_id uuid, OUT http_port integer)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT c.id, c.http_port FROM cells c
  WHERE c.organisation_id = organisation
    AND (organisation = app_org()
         OR EXISTS (SELECT 1 FROM contracts k
                    WHERE k.organisation_id = organisation AND k.reading_organisation_id = app_org()))
$$;
REVOKE ALL ON FUNCTION journal_append(uuid, text), cell_address(uuid) FROM PUBLIC;
"""

VISIBLE_STUDY = "EXISTS (SELECT 1 FROM studies s WHERE s.organisation_id = {table}.organisation_id AND s.id = {table}.study_id)"
OWN = "organisation_id = app_org()"
PARTIES = "(organisation_id = app_org() OR reading_organisation_id = app_org())"

# table: (who sees a row, who may write it, privileges of the application)
WALLS = {
    "organisations": (
        "id = app_org() OR app_platform() OR EXISTS (SELECT 1 FROM contracts c WHERE"
        " (c.organisation_id = organisations.id AND c.reading_organisation_id = app_org())"
        " OR (c.reading_organisation_id = organisations.id AND c.organisation_id = app_org()))",
        "id = app_org() OR app_platform()",
        "SELECT, INSERT, UPDATE",
    ),
    "contracts": (f"{PARTIES} OR app_platform()", "app_platform()", "SELECT, INSERT, UPDATE"),
    "cells": (f"{OWN} OR app_platform() OR id = app_cell()", f"{OWN} OR app_platform()", "SELECT, INSERT, UPDATE"),
    "senders": (OWN, OWN, "SELECT, INSERT, UPDATE, DELETE"),
    "refused_associations": (OWN, OWN, "SELECT, INSERT, UPDATE, DELETE"),
    "users": (
        f"{OWN} OR app_platform() OR app_login() IN (email, invitation_hash)",
        f"{OWN} OR app_platform() OR app_login() IN (email, invitation_hash)",
        "SELECT, INSERT, UPDATE",
    ),
    "inbox": (OWN, OWN, "SELECT, INSERT"),
    "studies": (PARTIES, PARTIES, "SELECT, INSERT, UPDATE"),
    "series": (f"{OWN} OR {VISIBLE_STUDY.format(table='series')}", OWN, "SELECT, INSERT, UPDATE"),
    "instances": (f"{OWN} OR {VISIBLE_STUDY.format(table='instances')}", OWN, "SELECT, INSERT, UPDATE"),
    "series_metadata": (
        f"{OWN} OR EXISTS (SELECT 1 FROM series r WHERE r.organisation_id = series_metadata.organisation_id"
        " AND r.id = series_metadata.series_id)",
        OWN,
        "SELECT, INSERT, UPDATE, DELETE",
    ),
    "reading_contexts": (
        "user_organisation_id = app_org()",
        f"user_organisation_id = app_org() AND {VISIBLE_STUDY.format(table='reading_contexts')}",
        "SELECT, INSERT, UPDATE, DELETE",
    ),
    # A draft is its authors' own; the hospital sees the report once it is signed.
    "reports": (
        f"author_organisation_id = app_org() OR (status = 'final' AND {OWN})",
        f"author_organisation_id = app_org() AND {VISIBLE_STUDY.format(table='reports')}",
        "SELECT, INSERT, UPDATE",
    ),
    "report_versions": (
        PARTIES,
        f"{PARTIES} AND EXISTS (SELECT 1 FROM reports r WHERE r.organisation_id = report_versions.organisation_id"
        " AND r.id = report_versions.report_id AND r.author_organisation_id = app_org())",
        "SELECT, INSERT",
    ),
    "journal": (f"{OWN} OR actor_organisation_id = app_org()", "false", "SELECT"),
}


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(FUNCTIONS)
    for table, (seen, written, privileges) in WALLS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY door ON {table} TO readingroom_app USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO readingroom_app USING ({seen}) WITH CHECK ({written})")
        op.execute(f"GRANT {privileges} ON {table} TO readingroom_app")
    # Only the owner of a study may bring one into being; a reading group may change what it reads, never add to it.
    op.execute(f"CREATE POLICY wall_insert ON studies AS RESTRICTIVE FOR INSERT TO readingroom_app WITH CHECK ({OWN})")
    # FORCE binds the owner too: its two functions need just these.
    op.execute("CREATE POLICY functions ON journal TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute("CREATE POLICY functions ON cells FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("CREATE POLICY functions ON contracts FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("GRANT EXECUTE ON FUNCTION journal_append(uuid, text), cell_address(uuid) TO readingroom_app")


def downgrade() -> None:
    for table in WALLS:
        op.execute(f"DROP TABLE {table} CASCADE")
    for function in (
        "journal_append(uuid, text)",
        "cell_address(uuid)",
        "stamp_change()",
        "refuse_change()",
        "app_org()",
        "app_user()",
        "app_platform()",
        "app_login()",
        "app_cell()",
    ):
        op.execute(f"DROP FUNCTION {function}")
