"""De-identified exports.

Revision ID: 20261121_2325
Revises: 20261121_2320
"""

revision = "20261121_2325"
down_revision = "20261121_2320"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
