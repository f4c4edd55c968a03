"""Which character set the texts of a hospital's devices are in when they name none.

Revision ID: 20261121_2355
Revises: 20261121_2350
"""

from alembic import op

revision = "20261121_2355"
down_revision = "20261121_2350"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE cells ADD COLUMN character_set TEXT NOT NULL DEFAULT 'Utf8'")


def downgrade() -> None:
    op.execute("ALTER TABLE cells DROP COLUMN character_set")
