"""The monitor: what is read of servers, inbox and database, and what it says about their health.

``servers.py`` and ``hearing.py`` read; the modules of checks are pure: facts in, findings out.
"""
