"""Notifications and what makes a repeated request harmless.

Revision ID: 20261122_0320
Revises: 20261122_0315
"""

revision = "20261122_0320"
down_revision = "20261122_0315"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
