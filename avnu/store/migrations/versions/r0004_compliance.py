"""What customers and merchants have asked for by law."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secrets"),
    )
    op.create_table(
        "compliance_requests",
        sa.Column("shop", sa.String(80), nullable=False),
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("topic", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(64)),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("done_at", _MOMENT),
        sa.Column("reminded_at", _MOMENT),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("export", sa.Text),
        sa.Column("export_ends_at", _MOMENT),
        sa.PrimaryKeyConstraint("shop", "id", name="pk_compliance_requests"),
    )
    op.create_index("ix_compliance_requests_due_at", "compliance_requests", ["due_at"])
    op.create_index(
        "ix_compliance_requests_export_ends_at", "compliance_requests", ["export_ends_at"]
    )
    op.create_table(
        "redacted_customers",
        sa.Column("shop", sa.String(80), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("redacted_at", _MOMENT, nullable=False),
        sa.Column("late", sa.BigInteger, nullable=False),
        sa.Column("late_at", _MOMENT),
        sa.PrimaryKeyConstraint("shop", "subject", name="pk_redacted_customers"),
    )


def downgrade() -> None:
    """Remove them. Who was to be forgotten is no longer known afterwards."""
    op.drop_table("redacted_customers")
    op.drop_table("compliance_requests")
    op.drop_table("secrets")
