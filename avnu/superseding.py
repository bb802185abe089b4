"""Which webhooks of a batch a newer one of the same resource stands for. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

from avnu.shopify.topics import resource_version, topic_for
from avnu.webhook import Webhook

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def superseded_by(webhooks: Sequence[Webhook]) -> dict[int, int]:
    """Index of each webhook that a newer one of its resource stands for → index of that one.

    Newer by the resource's own ``updated_at``, because retries bring old payloads late. Equal times
    with different bodies both run: one second can hold two changes.
    """
    if len(webhooks) == 1:
        return {}
    newest: dict[str, int] = {}
    times: list[datetime | None] = []
    members: dict[str, list[int]] = {}
    for i, webhook in enumerate(webhooks):
        topic = topic_for(webhook.topic)
        version = resource_version(topic, webhook.body) if topic else None
        times.append(version.updated_at if version else None)
        if version is None or version.updated_at is None:
            continue
        members.setdefault(version.key, []).append(i)
        best = newest.get(version.key)
        if best is None or version.updated_at >= (times[best] or _LONG_AGO):
            newest[version.key] = i
    older: dict[int, int] = {}
    for key, places in members.items():
        best = newest[key]
        for i in places:
            if i != best and _stands_for(webhooks, times, best, i):
                older[i] = best
    return older


def _stands_for(
    webhooks: Sequence[Webhook], times: Sequence[datetime | None], best: int, i: int
) -> bool:
    return times[i] != times[best] or webhooks[i].body == webhooks[best].body
