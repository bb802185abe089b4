"""Run by Alembic, never imported: the steps, in the transaction that ``schema.py`` has begun."""

from alembic import context

from avnu.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # True for SQLite too, as our engine begins its transactions itself.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
