"""Digests of stored instances and signatures bound to content.

Revision ID: 20261122_0340
Revises: 20261122_0335
"""

revision = "20261122_0340"
down_revision = "20261122_0335"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
