"""Registration, verification, reset, roles and the outgoing mail.

Revision ID: 20261122_0305
Revises: 20261122_0300
"""

revision = "20261122_0305"
down_revision = "20261122_0300"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
