"""Orders and the modality worklist.

Revision ID: 20261121_2340
Revises: 20261121_2330
"""

revision = "20261121_2340"
down_revision = "20261121_2330"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
