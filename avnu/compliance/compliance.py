"""The door: requests by privacy law, noted first and then carried out, as often as it takes."""

from collections.abc import Callable

from avnu.compliance.customer_redact import redact_customer, redact_request
from avnu.compliance.data_request import export_customer
from avnu.compliance.late_bodies import redact_late_bodies
from avnu.compliance.ledger import Request
from avnu.compliance.places import Places
from avnu.compliance.shop_redact import forget_shop
from avnu.shopify.payloads.compliance import CustomerRedact, DataRequest
from avnu.store.columns import instant


class Compliance:
    """Of all shops. Whatever cannot be reached now is raised as a Park.

    Each method goes on where an earlier run was cut short, and does nothing for a request that is
    done. The numbers of the evidence are at least what was done: a run that is killed forgets its
    last step.
    """

    def __init__(self, places: Places) -> None:
        self._places = places

    def note(self, shop: str, id_: str, topic: str, received_ms: int) -> Request:
        """The request in the ledger, before anything else: also of a body that nobody can read."""
        return self._places.ledger.note(shop, id_, topic, instant(received_ms / 1000))

    def data_requested(self, request: Request, asked: DataRequest) -> None:
        """Write all that is kept about the customer into a file for the merchant."""
        if request.done_at is None:
            export_customer(self._places, request, asked)

    def customer_redacted(self, request: Request, asked: CustomerRedact) -> None:
        """Take the customer out of everything, and keep them out."""
        if request.done_at is None:
            redact_customer(self._places, request, asked)
        redact_request(self._places, request)

    def shop_redacted(self, request: Request, has_app: Callable[[], bool]) -> None:
        """Delete all of the shop; ``has_app`` asks Shopify whether it has the app again."""
        if request.done_at is None:
            forget_shop(self._places, request, has_app)

    def redact_late_bodies(self, more: Callable[[], bool]) -> int:
        """Look through what rests in the inbox for customers who were redacted; how many bodies."""
        return redact_late_bodies(self._places, more)
