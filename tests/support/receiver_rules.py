"""The receiver's contract (DESIGN, section 4) in a page of Python, as the sandbox's counterpart.

Written from the text, not from the receiver, and used only to test the simulator: what it counts
must be what the simulator's own ledger expects.
"""

import threading
from collections import Counter
from collections.abc import Mapping

from avnu.sandbox import sign
from avnu.shopify.topics import TOPICS

Ref = tuple[str, str]
MOST_SEEN = 10
GUARDED_BYTES = 64


class ReceiverRules:
    """Decides on one delivery at a time and counts outcomes as the inbox does."""

    def __init__(self, secret: str, max_bytes: int = 16 * 1024 * 1024) -> None:
        self.secret = secret
        self.max_bytes = max_bytes
        self.counted: Counter[str] = Counter()
        self.kept: dict[Ref, bytes] = {}
        self.dead: set[Ref] = set()
        self._seen: dict[str, tuple[str, Counter[str]]] = {}
        self._lock = threading.Lock()

    def refuses_length(self, length: int) -> int | None:
        """413 for a body that is announced too large."""
        if length <= self.max_bytes:
            return None
        self.count("rejected")
        return 413

    def count(self, outcome: str) -> None:
        """One more request that ended so."""
        with self._lock:
            self.counted[outcome] += 1

    def judge(self, headers: Mapping[str, str], body: bytes) -> int:
        """The status for a delivery whose body is read; ``headers`` are the classic ones."""
        with self._lock:
            outcome, status = self._judge(headers, body)
            self.counted[outcome] += 1
            return status

    def _judge(self, headers: Mapping[str, str], body: bytes) -> tuple[str, int]:
        mac = headers.get("X-Shopify-Hmac-Sha256", "")
        if mac != sign(self.secret, body):
            return "rejected", 401
        topic = TOPICS.get(headers["X-Shopify-Topic"])
        if topic is None:
            return "ignored", 200
        shop = headers["X-Shopify-Shop-Domain"]
        if topic.names_shop and f'"{shop}"'.encode() not in body:
            return "rejected", 400
        ref = (shop, headers["X-Shopify-Webhook-Id"])
        if ref in self.kept:
            return "duplicate", 200
        found = self._guard(mac, shop, topic.name) if len(body) >= GUARDED_BYTES else "accepted"
        if found == "replayed":
            return found, 200
        self.kept[ref] = body
        if found == "suspect":
            self.dead.add(ref)
        return "accepted", 200

    def _guard(self, mac: str, shop: str, topic: str) -> str:
        owner, topics = self._seen.setdefault(mac, (shop, Counter()))
        harm = any(TOPICS[name].destructive for name in (*topics, topic))
        if owner != shop or (topic not in topics and topics and harm):
            return "suspect"
        if topics[topic] >= MOST_SEEN:
            return "replayed"
        topics[topic] += 1
        return "accepted"
