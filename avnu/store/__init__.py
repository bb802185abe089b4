"""The marketplace's database: SQLAlchemy Core, SQLite by default, PostgreSQL in production.

``engine`` makes connections, ``database`` hands out transactions, ``tables`` says what there is,
``schema`` and ``migrations`` bring a database there. ``vault`` seals tokens, ``shops`` keeps the
shops, ``tokens`` gives out live ones: ``standing`` decides, ``refreshing`` writes. ``own_keys`` are
those that Avnu makes for itself; ``subjects`` names customers without naming them, by one of them.
"""
