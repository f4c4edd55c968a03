"""Access that ends, break-glass and share links.

Revision ID: 20261122_0325
Revises: 20261122_0320
"""

revision = "20261122_0325"
down_revision = "20261122_0320"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
