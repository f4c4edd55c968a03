"""The archive room: downloads, sends, deletions, retention, legal hold.

Revision ID: 20261121_2320
Revises: 20261121_2310
"""

revision = "20261121_2320"
down_revision = "20261121_2310"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
