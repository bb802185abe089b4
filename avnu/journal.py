"""The lines by which a webhook is followed: ``grep`` its id in the logs of receivers and workers.

Healthy webhooks are told of together: one line for each group that a receiver commits, one for each
turn of a drain. One in trouble has a line of its own for each run. LOG_WEBHOOKS=false leaves out
all of it. A webhook is written ``shop/id``, the shop without ``.myshopify.com``.
"""

import logging
from collections.abc import Sequence
from typing import Protocol

from avnu.inbox.turn import Letter, Verdict
from avnu.keys import ref
from avnu.logs import JOURNAL, about

log = logging.getLogger(JOURNAL)

NAMES = {
    Letter.DONE: "done",
    Letter.SUPERSEDED: "superseded",
    Letter.FAILED: "failed",
    Letter.REJECTED: "rejected",
    Letter.BACK: "left",
    Letter.ALONE: "solo",
    Letter.UNHANDLED: "unhandled",
}
"""What became of a webhook, in a line and in what a drain answers."""


class Named(Protocol):
    """A webhook, wherever it is on its way."""

    @property
    def shop(self) -> str:
        """The shop's full domain."""

    @property
    def webhook_id(self) -> str:
        """Shopify's id of the delivery."""


def accepted(webhooks: Sequence[Named], answers: Sequence[str]) -> None:
    """A group was put to the inbox, which answered so."""
    if log.isEnabledFor(logging.INFO):
        log.info("received", extra=about(**_by(answers, webhooks)))


def settled(
    area: str, partition: int, webhooks: Sequence[Named], verdicts: Sequence[Verdict], kept: bool
) -> None:
    """A turn's webhooks were settled; not ``kept``: the lease was another's, so nothing changed."""
    if log.isEnabledFor(logging.INFO):
        told = _by([NAMES[verdict.letter] for verdict in verdicts], webhooks)
        event = "settled" if kept else "not settled, the lease was lost"
        log.info(event, extra=about(area=area, partition=partition, **told))


def sent_alone(webhooks: Sequence[Named]) -> None:
    """Each of these has a task of its own now."""
    if log.isEnabledFor(logging.INFO):
        log.info("sent alone", extra=about(webhooks=[ref(w.shop, w.webhook_id) for w in webhooks]))


def ran_alone(webhook: Named, topic: str, outcome: str, attempt: int, attempts: int) -> None:
    """A webhook in trouble had a run; ``attempts`` is how many failed ones are its last."""
    log.info(
        "ran alone",
        extra=about(
            webhook=ref(webhook.shop, webhook.webhook_id),
            topic=topic, outcome=outcome, attempt=attempt, attempts=attempts,
        ),
    )  # fmt: skip


def _by(words: Sequence[str], webhooks: Sequence[Named]) -> dict[str, list[str]]:
    """Refs under the word that stands for each."""
    found: dict[str, list[str]] = {}
    for word, webhook in zip(words, webhooks, strict=True):
        found.setdefault(str(word), []).append(ref(webhook.shop, webhook.webhook_id))
    return found
