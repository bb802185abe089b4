"""Webhooks that travel alone: claimed by their own task, settled on their own."""

import enum

import msgspec

from avnu import keys
from avnu.inbox.arrival import Stored, read_record


class Refusal(enum.StrEnum):
    """Why a solo task has nothing to run. All but GONE leave the webhook due."""

    GONE = "GONE"  # settled, dead, unknown, or another task runs it
    EARLY = "EARLY"  # its delay is not over
    PARKED = "PARKED"
    PAUSED = "PAUSED"
    BUSY = "BUSY"  # a suspect, and another suspect runs
    SUSPECT = "SUSPECT"  # claim it again with nothing else in the process


class Claim(msgspec.Struct, frozen=True):
    """One webhook, leased to one run."""

    owner: str
    token: str
    webhook: Stored
    failed_runs: int
    suspect: bool


class Due(msgspec.Struct, frozen=True):
    """A solo task to publish now."""

    area: str
    topic: str
    shop: str
    webhook_id: str


def read_claim(shop: str, webhook_id: str, owner: str, reply: list[bytes]) -> Claim | Refusal:
    """The claim or refusal in the script's reply."""
    if reply[0] != b"RUN":
        return Refusal(reply[0].decode())
    return Claim(
        owner=owner,
        token=reply[1].decode(),
        webhook=read_record(shop, webhook_id, reply[4]),
        failed_runs=int(reply[2]),
        suspect=reply[3] == b"1",
    )


def read_due(values: list[bytes]) -> list[Due]:
    """The solo tasks in a tick's reply: four values each."""
    texts = [value.decode() for value in values]
    return [
        Due(area, topic, keys.domain(shop), webhook_id)
        for area, topic, shop, webhook_id in zip(*[iter(texts)] * 4, strict=True)
    ]
