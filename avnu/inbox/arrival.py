"""A webhook on its way into the inbox, and what the inbox says of it."""

import enum

import msgspec

from avnu import keys

# A body this short is the same for many shops (`{}`), so its signature proves no replay.
GUARDED_BODY_BYTES = 64

# In place of the subscription's name, where Avnu itself found the change. Shopify's names hold no
# colon, so no delivery can claim it.
RECONCILE = "avnu:reconcile"
# The same, where no webhook could have told of it: what a shop had before it installed the app.
IMPORT = "avnu:import"
# Of what bears one of these, Shopify sent nothing.
OWN = frozenset({RECONCILE, IMPORT})


# How the record of a webhook begins that is settled: what is left of it is its outcome.
SETTLED = b"="


class Answer(enum.StrEnum):
    """What accept did with one webhook."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"  # (shop, webhook id) is known
    REPLAYED = "replayed"  # same signed bytes seen too often: not kept
    SUSPECT = "suspect"  # kept as dead letter `suspected_replay`, counted as accepted
    FULL = "full"  # not kept: the server is too full


class Arrival(msgspec.Struct, frozen=True):
    """A verified webhook. Texts are printable ASCII, checked by the receiver."""

    shop: str  # "name.myshopify.com", lower-cased
    webhook_id: str  # 1 to 128 characters
    topic: str
    area: str
    destructive: bool
    mac: bytes  # the 32 bytes of the verified signature
    body: bytes
    triggered_ms: int = 0  # unix ms, 0 = unknown
    api_version: str = ""
    event_id: str = ""
    name: str = ""  # the subscription's name

    def guard(self) -> bytes:
        """What the replay guard knows this body by: 14 bytes of MAC; b"" when it is too short."""
        return self.mac[:14] if len(self.body) >= GUARDED_BODY_BYTES else b""

    def record(self) -> bytes:
        """The stored form, with zeros where the script writes the time of acceptance."""
        head = (
            f"0000000000000\t{self.area}\t{self.topic}\t{self.triggered_ms}\t{self.api_version}"
            f"\t{self.event_id}\t{self.name}\n"
        )
        return head.encode("ascii") + self.body


class Stored(msgspec.Struct, frozen=True):
    """A webhook as the inbox holds it while it is not settled."""

    shop: str
    webhook_id: str
    accepted_ms: int
    area: str
    topic: str
    triggered_ms: int
    api_version: str
    event_id: str
    name: str
    body: bytes

    @property
    def ref(self) -> str:
        """Its name inside the inbox."""
        return keys.ref(self.shop, self.webhook_id)


def read_record(shop: str, webhook_id: str, record: bytes) -> Stored:
    """The webhook in a record that is not settled; ``shop`` is the full domain."""
    end = record.index(b"\n")
    accepted, area, topic, triggered, version, event, name = (
        record[:end].decode("ascii").split("\t")
    )
    return Stored(
        shop, webhook_id, int(accepted), area, topic, int(triggered), version, event, name,
        record[end + 1 :],
    )  # fmt: skip
