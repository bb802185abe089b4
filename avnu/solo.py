"""``tasks.<area>.<handler>(shop, webhook_id)``: one webhook in trouble, alone."""

import logging
from collections.abc import Mapping

from avnu import journal
from avnu.drain import JITTER
from avnu.errors import HandlerFailed
from avnu.faults import place_of
from avnu.inbox.solo import Claim, Refusal
from avnu.inbox.turn import Letter, Parking, Settlement, Verdict
from avnu.run import run_batch
from avnu.runtime import Runtime
from avnu.webhook import Handler, Shop, Webhook

log = logging.getLogger(__name__)


def run_alone(
    runtime: Runtime, handlers: Mapping[str, Handler], shop: str, webhook_id: str
) -> dict[str, int | str]:
    """Claim, run, settle. Raises HandlerFailed when the handler raised, after settling."""
    owner = runtime.new_owner()
    with runtime.gate.together():
        claim = runtime.inbox.claim(shop, webhook_id, owner, alone=False)
        if isinstance(claim, Claim):
            return _run_and_settle(runtime, claim, handlers)
    if claim is Refusal.SUSPECT:
        # Claimed once nobody else is here: a crash of another's must not be counted as its own.
        with runtime.gate.alone():
            claim = runtime.inbox.claim(shop, webhook_id, owner, alone=True)
            if isinstance(claim, Claim):
                return _run_and_settle(runtime, claim, handlers)
    return {"outcome": claim.value.lower()}


def _run_and_settle(
    runtime: Runtime, claim: Claim, handlers: Mapping[str, Handler]
) -> dict[str, int | str]:
    settlement, raised = _run(runtime, claim, handlers)
    verdict, parking = settlement.verdicts[0], settlement.parkings.get(claim.webhook.shop)
    if verdict.letter is Letter.ALONE:
        # Put back for as long as a shop would wait; without a cause its shop does not.
        verdict, parking = Verdict(Letter.BACK), Parking("")
    jitter = runtime.random.uniform(-JITTER, JITTER)
    attempt, attempts = claim.failed_runs + 1, runtime.settings.queue_attempts
    outcome = f"parked: {parking.cause or 'alone'}" if parking else journal.NAMES[verdict.letter]
    kept = runtime.inbox.settle(claim, verdict, parking, jitter)
    told = outcome if kept else "lost"
    journal.ran_alone(claim.webhook, claim.webhook.topic, told, attempt, attempts)
    if kept and raised:
        _show(raised[0], claim, attempts)
    return {"outcome": told, "topic": claim.webhook.topic, "attempt": attempt}


def _run(
    runtime: Runtime, claim: Claim, handlers: Mapping[str, Handler]
) -> tuple[Settlement, list[Exception]]:
    holding = runtime.leases.holding("solo", claim.webhook.ref, claim.owner, claim.token)
    with holding as deadline_s:
        shop = Shop(claim.webhook.shop, runtime.clock, deadline_s, runtime.services.get)
        webhook = Webhook(claim.webhook, attempt=claim.failed_runs + 1)
        return run_batch(shop, [webhook], handlers)


def _show(fault: Exception, claim: Claim, attempts: int) -> None:
    """Fail the Celery task, so that Flower shows attempt and traceback, without the message."""
    webhook = claim.webhook
    raise HandlerFailed(
        f"attempt {claim.failed_runs + 1} of {attempts}, {webhook.topic}: {place_of(fault)}"
    ).with_traceback(fault.__traceback__) from None
