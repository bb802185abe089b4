"""customers/redact: a customer is taken out of everything, and kept out."""

import logging

from avnu.compliance import exporting
from avnu.compliance.ledger import NOT_CARRIED_OUT, Request
from avnu.compliance.person import Person, same, skeleton_of
from avnu.compliance.places import Places, waiting
from avnu.compliance.traces import WITH_CUSTOMERS
from avnu.errors import NotFound, Unreadable
from avnu.logs import about
from avnu.shopify.payloads.compliance import Customer, CustomerRedact

log = logging.getLogger(__name__)


def redact_customer(places: Places, request: Request, asked: CustomerRedact) -> None:
    """Place after place; each does nothing where an earlier run was already."""
    ledger, shop, customer = places.ledger, request.shop, asked.customer
    if ledger.forgotten(shop):
        ledger.done(shop, request.id, **{NOT_CARRIED_OUT: "the shop is forgotten"})
        return
    places.name(request, customer)
    number = None if customer is None else customer.id
    if number is not None:
        # First of all, so that no order of theirs can be written while they are looked for.
        places.market.shut_out(shop, number)
    # Cut off last, as a run that was cut short must find its orders again.
    ids = places.orders_of(shop, customer, asked.orders_to_redact)
    person = Person.of(customer, ids)
    _redact_bodies(places, request, person)
    _remove_exports(places, request, customer)
    with waiting():
        places.cache.invalidate(shop, [kind.tag() for kind in WITH_CUSTOMERS])
        places.traces.delete_customers(shop)
    cut = places.market.redact_customer(shop, number, ids)
    ledger.done(shop, request.id, orders_cut_off=len(cut))
    log.info("customer redacted", extra=about(shop=shop, request=request.id, orders=len(cut)))


def redact_request(places: Places, request: Request) -> None:
    """Its own body too, should bodies be kept after they are settled."""
    with waiting():
        places.bodies.redact_one(request.shop, request.id, lambda one: skeleton_of(one.body))


def _redact_bodies(places: Places, request: Request, person: Person) -> None:
    """Until no body names a further order of theirs."""
    known = -1
    while known != len(person.orders):
        known = len(person.orders)
        with waiting():
            done = places.bodies.redact(
                request.shop, lambda one: person.bare(one.topic, one.body), but=request.id
            )
        places.ledger.add(
            request.shop,
            request.id,
            bodies_replaced=done.waiting,
            dead_letters_replaced=done.dead,
            kept_bodies_deleted=done.kept,
        )


def _remove_exports(places: Places, request: Request, customer: Customer | None) -> None:
    if customer is None:
        return
    subject = places.subject_of(request.shop, customer)
    for one in places.ledger.every(shop=request.shop):
        if one.export is None:
            continue
        # What is being written has no file yet; and the file may have been asked for by another
        # name of theirs.
        if (subject is not None and one.subject == subject) or _names(places, one.export, customer):
            places.remove_export(one, request)


def _names(places: Places, name: str, customer: Customer) -> bool:
    try:
        asked = exporting.customer_of(places.exports.read(name))
    except (NotFound, Unreadable):
        return False
    return asked is not None and same(asked, customer)
