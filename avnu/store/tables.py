"""What the database holds. A change here needs a migration beside it (``migrations/``)."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

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
    # Versions of what webhooks told: an older one changes nothing.
    Column("profile_at", Instant),  # of the plan, by shop/update
    Column("scopes_at", Instant),  # of the scopes, by app/scopes_update
    Index(None, "status"),
    Index(None, "refresh_expires_at"),
)

# Periodic jobs: whoever moves ``due_at`` on does the job, so that two beats do each once.
periodic = Table(
    "periodic",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("owner", String(60)),  # who does it, until it is over or the time is
    Column("until", Instant),
    Column("ended_at", Instant),  # of the last that came to its end
)

# How often a shop sends each topic (``avnu/subscriptions/``), so that silence is noticed.
habits = Table(
    "habits",
    metadata,
    Column("shop", String(80), nullable=False),
    Column("topic", String(100), nullable=False),
    Column("seen", BigInteger, nullable=False),  # webhooks
    Column("last_at", Instant, nullable=False),
    Column("gap_s", Float, nullable=False),  # the longest between two, fading
    PrimaryKeyConstraint("shop", "topic"),
)

# The last look at a shop's webhook subscriptions.
subscription_audits = Table(
    "subscription_audits",
    metadata,
    Column("shop", String(80), primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("audited_at", Instant),  # empty: it could not be looked at so far
    Column("found", Text, nullable=False),  # JSON: avnu.subscriptions.findings.Findings
    Index(None, "due_at"),
)

# Reconciliation of one kind of resource in one shop (``avnu/reconcile/``).
watermarks = Table(
    "watermarks",
    metadata,
    Column("shop", String(80), nullable=False),
    Column("resource", String(20), nullable=False),  # products, items, levels, locations, orders
    Column("since", Instant),  # what changed before is known; empty: everything is to be asked for
    Column("swept_at", Instant),  # what was deleted before is known; empty: it never was swept
    Column("due_at", Instant, nullable=False),
    Column("run_at", Instant),  # when the run under way began; empty: none is
    Column("asked_from", Instant),  # what the run asks for has changed since; empty: everything
    Column("phase", String(10)),  # changed, sweep
    Column("cursor", Text),  # where its next page begins
    Column("waits_for", String(40)),  # why the run waits: the cause of a Park
    Column("owner", String(60)),  # of the run, until the time is over
    Column("until", Instant),
    Column("looked", BigInteger, nullable=False),  # by the run under way, or the last one
    Column("differing", BigInteger, nullable=False),
    Column("in_doubt", BigInteger, nullable=False),
    Column("gone", BigInteger, nullable=False),
    Column("ended_at", Instant),  # of the last run that came to its end
    PrimaryKeyConstraint("shop", "resource"),
    Index(None, "due_at"),
)

# Keys that Avnu made for itself, sealed (``vault.py``), so that they outlive TOKEN_ENCRYPTION_KEYS.
secrets = Table(
    "secrets",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("sealed", Text, nullable=False),
)

# What customers and merchants have asked for by law. ``subject`` is an HMAC of the customer's id,
# e-mail or phone: nothing here names anybody.
compliance_requests = Table(
    "compliance_requests",
    metadata,
    Column("shop", String(80), nullable=False),
    Column("id", String(128), nullable=False),  # the webhook's id
    Column("topic", String(40), nullable=False),
    Column("subject", String(64)),  # empty for shop/redact
    Column("received_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),  # by law: 30 days later
    Column("done_at", Instant),
    Column("reminded_at", Instant),
    Column("evidence", Text, nullable=False),  # JSON: what was done, in numbers
    Column("export", Text),  # the file's name, while it is there
    Column("export_ends_at", Instant),
    PrimaryKeyConstraint("shop", "id"),
    Index(None, "due_at"),
    Index(None, "export_ends_at"),
)

# Customers who must not come back: looked at in the transaction that writes their orders.
redacted_customers = Table(
    "redacted_customers",
    metadata,
    Column("shop", String(80), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("redacted_at", Instant, nullable=False),
    Column("late", BigInteger, nullable=False),  # orders that came afterwards, and were cut off
    Column("late_at", Instant),  # the last of them
    PrimaryKeyConstraint("shop", "subject"),
)

EVERY = (
    shops, periodic, habits, subscription_audits, watermarks, secrets, compliance_requests,
    redacted_customers,
)  # fmt: skip
