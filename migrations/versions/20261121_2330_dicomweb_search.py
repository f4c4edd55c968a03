"""Searching a million studies; thumbnails.

Revision ID: 20261121_2330
Revises: 20261121_2325
"""

revision = "20261121_2330"
down_revision = "20261121_2325"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
