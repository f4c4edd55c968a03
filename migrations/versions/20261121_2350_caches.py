"""What is kept of a series goes with the series: nobody deletes it by itself.

Readers see the cached metadata and thumbnails of their studies, and a DELETE asks only who sees the row.

Revision ID: 20261121_2350
Revises: 20261121_2340
"""

from alembic import op

revision = "20261121_2350"
down_revision = "20261121_2340"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("REVOKE DELETE ON series_metadata, series_thumbnails FROM readingroom_app")


def downgrade() -> None:
    op.execute("GRANT DELETE ON series_metadata, series_thumbnails TO readingroom_app")
