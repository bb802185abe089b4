"""Run by Alembic, never imported: the steps, in the transaction that ``schema.py`` has begun."""

from alembic import context

# Imported so that its tables are in the metadata that is compared.
import avnu.store.market.tables  # noqa: F401
from avnu.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # True for SQLite too, as our engine begins its transactions itself.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
