"""Orders and what they have to do with studies: the modality worklist, and the clinical question beside the images.

Revision ID: 20261121_2340
Revises: 20261121_2330
"""

from alembic import op

revision = "20261121_2340"
down_revision = "20261121_2330"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE orders (
    organisation_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id TEXT NOT NULL,
    patient_name TEXT NOT NULL,
    patient_birth_date TEXT NOT NULL,
    patient_sex TEXT NOT NULL,
    accession_number TEXT NOT NULL,
    requested_procedure_id TEXT NOT NULL,
    requested_procedure_description TEXT NOT NULL,
    reason_for_requested_procedure TEXT NOT NULL,
    referring_physician_name TEXT NOT NULL,
    study_instance_uid TEXT NOT NULL,
    modality TEXT NOT NULL,
    scheduled_station_ae_title TEXT NOT NULL,
    scheduled_procedure_step_start_date DATE NOT NULL,
    scheduled_procedure_step_start_time TIME WITHOUT TIME ZONE NOT NULL,
    status TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_orders PRIMARY KEY (organisation_id, id),
    CONSTRAINT fk_orders_organisation_id_organisations FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT uq_orders_procedure UNIQUE (organisation_id, accession_number, requested_procedure_id),
    CONSTRAINT uq_orders_organisation_id_study_instance_uid UNIQUE (organisation_id, study_instance_uid)
);
CREATE INDEX ix_orders_day ON orders (organisation_id, scheduled_procedure_step_start_date);
CREATE TABLE order_studies (
    organisation_id UUID NOT NULL,
    study_id UUID NOT NULL,
    order_id UUID NOT NULL,
    basis TEXT NOT NULL,
    matched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_order_studies PRIMARY KEY (organisation_id, study_id),
    CONSTRAINT fk_order_studies_organisation_id_order_id_orders
        FOREIGN KEY(organisation_id, order_id) REFERENCES orders (organisation_id, id),
    CONSTRAINT fk_order_studies_organisation_id_study_id_studies
        FOREIGN KEY(organisation_id, study_id) REFERENCES studies (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_order_studies_organisation_id_order_id ON order_studies (organisation_id, order_id);
CREATE INDEX ix_studies_organisation_id_accession_number ON studies (organisation_id, accession_number);
"""

OWN = "organisation_id = app_org()"
WALLS = {
    # Who may see a study may see that it has an order, and the order: the clinical question belongs beside the images.
    "order_studies": (
        f"{OWN} OR EXISTS (SELECT 1 FROM studies s WHERE s.organisation_id = order_studies.organisation_id"
        " AND s.id = order_studies.study_id)",
        "SELECT, INSERT, UPDATE, DELETE",
    ),
    "orders": (
        f"{OWN} OR EXISTS (SELECT 1 FROM order_studies m WHERE m.organisation_id = orders.organisation_id"
        " AND m.order_id = orders.id)",
        "SELECT, INSERT, UPDATE",
    ),
}


def upgrade() -> None:
    op.execute(TABLES)
    for table, (seen, privileges) in WALLS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY door ON {table} TO readingroom_app USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO readingroom_app USING ({seen}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {privileges} ON {table} TO readingroom_app")
    # A DELETE asks only who sees the row: readers see what belongs to their studies, and may not take it apart.
    op.execute(f"CREATE POLICY wall_delete ON order_studies AS RESTRICTIVE FOR DELETE TO readingroom_app USING ({OWN})")


def downgrade() -> None:
    op.execute("DROP INDEX ix_studies_organisation_id_accession_number")
    op.execute("DROP TABLE order_studies, orders")
