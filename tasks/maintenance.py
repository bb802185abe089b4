"""Periodic work that belongs to no shop: tasks that beat sends to the queue ``maintenance``.

This version has none. All upkeep that the inbox needs is in the tick of every worker, so that
no beat is a single point of failure. A task added here must be safe when two beats run.
"""
