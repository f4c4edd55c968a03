"""A lost device takes its owner's API keys along, also when the platform's administrator reports it.

The platform could not see a key: it revoked everything of a person but these. It lists none of them still (``keys.all_keys``).

Revision ID: 20261122_0750
Revises: 20261122_0720
"""

from alembic import op

revision = "20261122_0750"
down_revision = "20261122_0720"
branch_labels = None
depends_on = None

OWN = "organisation_id = app_org()"


def upgrade() -> None:
    op.execute(f"ALTER POLICY wall ON api_keys USING ({OWN} OR app_platform()) WITH CHECK ({OWN} OR app_platform())")


def downgrade() -> None:
    op.execute(f"ALTER POLICY wall ON api_keys USING ({OWN}) WITH CHECK ({OWN})")
