"""Application entities: services, nodes, certificates, associations.

Revision ID: 20261121_2310
Revises: 20261121_2000
"""

revision = "20261121_2310"
down_revision = "20261121_2000"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
