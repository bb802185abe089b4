"""Steps that bring a database from one form to the next, oldest first, run by Alembic.

To add a step: a module ``r0002_what_it_does.py`` in ``versions/`` with ``down_revision`` set to the
one before, written by hand; ``tests/integration/test_store_schema.py`` fails while ``tables.py``
and the steps disagree. A step must leave the Avnu before it able to run, as deploys roll: add
first, remove in a later release.
"""
