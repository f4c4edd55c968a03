"""Alerts, forwarding and image access.

Revision ID: 20261122_0335
Revises: 20261122_0330
"""

revision = "20261122_0335"
down_revision = "20261122_0330"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
