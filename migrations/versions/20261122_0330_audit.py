"""Signed checkpoints and what the explorer needs.

Revision ID: 20261122_0330
Revises: 20261122_0325
"""

revision = "20261122_0330"
down_revision = "20261122_0325"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
