"""Periodic jobs, subscriptions, reconciliation, and versions of what webhooks told of a shop."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables and columns."""
    op.add_column("shops", sa.Column("profile_at", _MOMENT))
    op.add_column("shops", sa.Column("scopes_at", _MOMENT))
    op.create_table(
        "periodic",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("owner", sa.String(60)),
        sa.Column("until", _MOMENT),
        sa.Column("ended_at", _MOMENT),
        sa.PrimaryKeyConstraint("name", name="pk_periodic"),
    )
    op.create_table(
        "habits",
        sa.Column("shop", sa.String(80), nullable=False),
        sa.Column("topic", sa.String(100), nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.Column("gap_s", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("shop", "topic", name="pk_habits"),
    )
    op.create_table(
        "subscription_audits",
        sa.Column("shop", sa.String(80), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("audited_at", _MOMENT),
        sa.Column("found", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("shop", name="pk_subscription_audits"),
    )
    op.create_index("ix_subscription_audits_due_at", "subscription_audits", ["due_at"])
    op.create_table(
        "watermarks",
        sa.Column("shop", sa.String(80), nullable=False),
        sa.Column("resource", sa.String(20), nullable=False),
        sa.Column("since", _MOMENT),
        sa.Column("swept_at", _MOMENT),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("run_at", _MOMENT),
        sa.Column("asked_from", _MOMENT),
        sa.Column("phase", sa.String(10)),
        sa.Column("cursor", sa.Text),
        sa.Column("waits_for", sa.String(40)),
        sa.Column("owner", sa.String(60)),
        sa.Column("until", _MOMENT),
        sa.Column("looked", sa.BigInteger, nullable=False),
        sa.Column("differing", sa.BigInteger, nullable=False),
        sa.Column("in_doubt", sa.BigInteger, nullable=False),
        sa.Column("gone", sa.BigInteger, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.PrimaryKeyConstraint("shop", "resource", name="pk_watermarks"),
    )
    op.create_index("ix_watermarks_due_at", "watermarks", ["due_at"])


def downgrade() -> None:
    """Remove them; the next reconciliation begins from the start."""
    op.drop_table("watermarks")
    op.drop_table("subscription_audits")
    op.drop_table("habits")
    op.drop_table("periodic")
    with op.batch_alter_table("shops") as shops:
        shops.drop_column("scopes_at")
        shops.drop_column("profile_at")
