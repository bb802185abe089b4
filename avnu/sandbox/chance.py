"""Repeatable chance: everything random in the sandbox is drawn from here."""

import random
import uuid


def chance(seed: int | str) -> random.Random:
    """A source of chance that gives the same for the same seed, on every machine."""
    return random.Random(seed)  # noqa: S311 - it decides what is sent and guards nothing


def draw_id(rng: random.Random) -> str:
    """An id like Shopify's for webhooks and events: a random UUID."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
