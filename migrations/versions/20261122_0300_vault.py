"""Data keys, one per organisation, wrapped by the master key.

Revision ID: 20261122_0300
Revises: 20261121_2350
"""

revision = "20261122_0300"
down_revision = "20261121_2350"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
