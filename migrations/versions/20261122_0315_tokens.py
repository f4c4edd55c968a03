"""Refresh token families, API keys, limits and single sign-on.

Revision ID: 20261122_0315
Revises: 20261122_0310
"""

revision = "20261122_0315"
down_revision = "20261122_0310"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
