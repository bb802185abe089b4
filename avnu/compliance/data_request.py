"""customers/data_request: a file for the merchant with all that is kept about a customer."""

import logging
from datetime import datetime, timedelta

from avnu.compliance import exporting
from avnu.compliance.ledger import NOT_CARRIED_OUT, Request
from avnu.compliance.person import Person
from avnu.compliance.places import Places, waiting
from avnu.logs import about
from avnu.shopify.payloads.compliance import DataRequest

log = logging.getLogger(__name__)


def export_customer(places: Places, request: Request, asked: DataRequest) -> None:
    """Write the file, and note it in the ledger; again, if that was cut short."""
    ledger, shop, id_ = places.ledger, request.shop, request.id
    places.name(request, asked.customer)
    if _is_redacted(places, request):
        ledger.done(shop, id_, **{NOT_CARRIED_OUT: "the customer was redacted before"})
        return
    made_at = places.now()
    ends_at = made_at + timedelta(days=places.settings.compliance_export_days)
    name = exporting.name_of(shop, id_)
    ledger.file(shop, id_, name, ends_at)
    document = _document(places, request, asked, made_at, ends_at)
    places.exports.write(name, exporting.as_file(document))
    noted = ledger.get(shop, id_)
    if noted.export != name or _is_redacted(places, request):
        places.exports.remove(name)
        ledger.unfile(noted)
        ledger.done(
            shop, id_, **{NOT_CARRIED_OUT: "the customer or the shop was redacted meanwhile"}
        )
        return
    ledger.done(shop, id_, orders=len(document["orders"]), webhooks=len(document["webhooks"]))
    log.info("customer's data exported", extra=about(shop=shop, request=id_, file=name))


def _is_redacted(places: Places, request: Request) -> bool:
    """A file would bring back their name, if nothing else."""
    subject = places.ledger.get(request.shop, request.id).subject
    return subject is not None and places.ledger.has_redacted(request.shop, subject)


def _document(
    places: Places, request: Request, asked: DataRequest, made_at: datetime, ends_at: datetime
) -> exporting.Document:
    shop = request.shop
    ids = places.orders_of(shop, asked.customer, asked.orders_requested)
    person = Person.surely(asked.customer, ids)
    with waiting():
        theirs = exporting.speaking(places.bodies.each(shop), person, request.id)
    return {
        "about": exporting.heading(places.settings, shop, asked, made_at, ends_at),
        "orders": exporting.orders(places.market, shop, ids),
        "webhooks": [exporting.webhook(one) for one in theirs],
    }
