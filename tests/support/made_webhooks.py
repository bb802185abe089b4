"""Webhooks as a handler is given them, without an inbox."""

import itertools
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from avnu.inbox.arrival import RECONCILE, Stored
from avnu.webhook import Webhook

_NUMBERS = itertools.count(1)


def made(
    shop: str,
    topic: str,
    body: Mapping[str, Any] | bytes,
    now_s: float,
    *,
    late_s: float = 0,
    triggered_at: datetime | None = None,
    reconciled: bool = False,
) -> Webhook:
    """One of ``shop``, accepted now, and triggered ``late_s`` before, or then."""
    now_ms = round(now_s * 1000)
    triggered_ms = round(triggered_at.timestamp() * 1000) if triggered_at else 0
    return Webhook(
        Stored(
            shop=shop,
            webhook_id=f"w-{next(_NUMBERS)}",
            accepted_ms=now_ms,
            area="",
            topic=topic,
            triggered_ms=triggered_ms or now_ms - round(late_s * 1000),
            api_version="",
            event_id="",
            name=RECONCILE if reconciled else "",
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        )
    )
