"""Backup codes, passkeys, lock-out and sessions.

Revision ID: 20261122_0310
Revises: 20261122_0305
"""

revision = "20261122_0310"
down_revision = "20261122_0305"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
