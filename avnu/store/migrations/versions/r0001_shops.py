"""Shops with their tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "shops",
        sa.Column("domain", sa.String(80), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("plan", sa.String(100), nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("installed_at", _MOMENT),
        sa.Column("uninstalled_at", _MOMENT),
        sa.Column("access_token", sa.Text),
        sa.Column("refresh_token", sa.Text),
        sa.Column("access_expires_at", _MOMENT),
        sa.Column("access_due_at", _MOMENT),
        sa.Column("refresh_expires_at", _MOMENT),
        sa.Column("refresh_owner", sa.String(60)),
        sa.Column("refresh_until", _MOMENT),
        sa.Column("refresh_after", _MOMENT),
        sa.Column("refresh_failures", sa.Integer, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("domain", name="pk_shops"),
    )
    op.create_index("ix_shops_status", "shops", ["status"])
    op.create_index("ix_shops_refresh_expires_at", "shops", ["refresh_expires_at"])


def downgrade() -> None:
    """Remove it, tokens and all."""
    op.drop_table("shops")
