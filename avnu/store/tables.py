"""What the database holds. A change here needs a migration beside it (``migrations/``)."""

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text

from avnu.store.columns import Instant

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Tokens are sealed (``vault.py``). Of their times: ``access_due_at`` is when a new pair should be
# asked for, empty for never; ``access_expires_at`` is empty for never and for not known.
# The ``refresh_`` columns from ``refresh_owner`` on are the lease of ``refreshing.py``, by the
# database's own clock.
shops = Table(
    "shops",
    metadata,
    Column("domain", String(80), primary_key=True),  # name.myshopify.com
    Column("status", String(20), nullable=False),  # avnu.store.shops.Status
    Column("reason", String(300), nullable=False),  # why it is so, for the operator
    Column("plan", String(100), nullable=False),
    Column("scopes", Text, nullable=False),  # separated by commas
    Column("installed_at", Instant),
    Column("uninstalled_at", Instant),
    Column("access_token", Text),
    Column("refresh_token", Text),
    Column("access_expires_at", Instant),
    Column("access_due_at", Instant),
    Column("refresh_expires_at", Instant),
    Column("refresh_owner", String(60)),
    Column("refresh_until", Instant),
    Column("refresh_after", Instant),  # not asked again before this
    Column("refresh_failures", Integer, nullable=False),  # in a row
    Column("updated_at", Instant, nullable=False),
    Index(None, "status"),
    Index(None, "refresh_expires_at"),
)
