"""The ledger: each request with its deadline, and the evidence of what was done. Names nobody."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, delete, func, select, update

from avnu.clock import Clock
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.inserting import insert_if_new
from avnu.store.tables import compliance_requests, redacted_customers, shops

DUE_AFTER = timedelta(days=30)
"""By law (shopify.dev, privacy law compliance)."""

SHOP_REDACT = "shop/redact"
NOT_CARRIED_OUT = "not_carried_out"
"""In evidence: why nothing had to be done."""

_AGAIN = timedelta(days=1)

Evidence = dict[str, int | str]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request. ``late``: orders of the customer that came after the redaction, cut off."""

    shop: str
    id: str  # the webhook's
    topic: str
    subject: str | None = None
    received_at: datetime
    due_at: datetime
    done_at: datetime | None = None
    reminded_at: datetime | None = None
    evidence: Evidence
    export: str | None = None
    export_ends_at: datetime | None = None
    late: int = 0
    late_at: datetime | None = None


class Ledger:
    """Everything raises StoreUnavailable and StoreOutdated."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def note(self, shop: str, id_: str, topic: str, received_at: datetime) -> Request:
        """The request, noted now unless it was before."""
        values = {
            "shop": shop,
            "id": id_,
            "topic": topic,
            "received_at": received_at,
            "due_at": received_at + DUE_AFTER,
            "evidence": "{}",
        }
        with self._store.writing() as connection:
            connection.execute(insert_if_new(connection.dialect.name, compliance_requests), values)
        return self.get(shop, id_)

    def name(self, shop: str, id_: str, subject: str | None) -> None:
        """Whom it is about, as soon as that is known."""
        with self._store.writing() as connection:
            connection.execute(_row(shop, id_).values(subject=subject))

    def add(self, shop: str, id_: str, **evidence: int | str) -> None:
        """More evidence; a number is added to what there is under its name."""
        with self._store.writing() as connection:
            self._add(connection, shop, id_, evidence)

    def done(self, shop: str, id_: str, **evidence: int | str) -> None:
        """It is carried out; or it need not be, and the evidence says why."""
        with self._store.writing() as connection:
            self._add(connection, shop, id_, evidence)
            row = compliance_requests.c
            connection.execute(
                _row(shop, id_).where(row.done_at.is_(None)).values(done_at=self._now())
            )

    def get(self, shop: str, id_: str) -> Request:
        """One request. Raises LookupError."""
        row = compliance_requests.c
        with self._store.reading() as connection:
            found = connection.execute(
                _query().where(row.shop == shop, row.id == id_)
            ).one_or_none()
        if found is None:
            raise LookupError(f"{shop}/{id_}")
        return _request(found)

    def every(self, *, shop: str | None = None, still_open: bool = False) -> list[Request]:
        """All requests, the nearest deadline first."""
        row = compliance_requests.c
        query = _query().order_by(row.due_at, row.shop, row.id)
        if shop is not None:
            query = query.where(row.shop == shop)
        if still_open:
            query = query.where(row.done_at.is_(None))
        with self._store.reading() as connection:
            return [_request(found) for found in connection.execute(query)]

    def has_redacted(self, shop: str, subject: str) -> bool:
        """True for a customer, by id, whom the shop has shut out."""
        row = redacted_customers.c
        query = select(row.subject).where(row.shop == shop, row.subject == subject)
        with self._store.reading() as connection:
            return connection.execute(query).first() is not None

    def forgotten(self, shop: str) -> bool:
        """True for a shop whose data were deleted by law, and that has not come back."""
        with self._store.reading() as connection:
            query = select(shops.c.domain).where(shops.c.domain == shop)
            if connection.execute(query).first() is not None:
                return False
        return any(
            one.topic == SHOP_REDACT and one.done_at and NOT_CARRIED_OUT not in one.evidence
            for one in self.every(shop=shop)
        )

    def forget_customers(self, shop: str, but: str) -> None:
        """Of a shop that is forgotten: who was redacted, and whom requests were about.

        The requests stay as evidence; those still open are done, as nothing is left.
        """
        row = compliance_requests.c
        theirs = (row.shop == shop) & (row.id != but)
        with self._store.writing() as connection:
            connection.execute(delete(redacted_customers).where(redacted_customers.c.shop == shop))
            connection.execute(
                update(compliance_requests)
                .where(theirs)
                .values(subject=None, done_at=func.coalesce(row.done_at, self._now()))
            )

    # ---- exports

    def file(self, shop: str, id_: str, name: str, ends_at: datetime) -> None:
        """The export that is about to be written: noted first, so that its file is never lost."""
        with self._store.writing() as connection:
            connection.execute(_row(shop, id_).values(export=name, export_ends_at=ends_at))

    def unfile(self, request: Request) -> None:
        """Its file is gone."""
        with self._store.writing() as connection:
            connection.execute(
                _row(request.shop, request.id)
                .where(compliance_requests.c.export == request.export)
                .values(export=None, export_ends_at=None)
            )

    def ended_exports(self) -> list[Request]:
        """Requests whose export is past its time."""
        query = _query().where(compliance_requests.c.export_ends_at <= self._now())
        with self._store.reading() as connection:
            return [_request(found) for found in connection.execute(query)]

    # ---- deadlines

    def remind(self, within: timedelta) -> list[Request]:
        """Open requests that are due so soon, each of them once a day, whoever asks."""
        row, now = compliance_requests.c, self._now()
        due = and_(
            row.done_at.is_(None),
            row.due_at <= now + within,
            row.reminded_at.is_(None) | (row.reminded_at <= now - _AGAIN),
        )
        with self._store.writing() as connection:
            named = connection.execute(
                update(compliance_requests)
                .where(due)
                .values(reminded_at=now)
                .returning(row.shop, row.id)
            ).all()
        found = [self.get(one.shop, one.id) for one in named]
        return sorted(found, key=lambda request: request.due_at)

    def _add(self, connection: Connection, shop: str, id_: str, more: Evidence) -> None:
        if not more:
            return
        row = compliance_requests.c
        query = select(row.evidence).where(row.shop == shop, row.id == id_).with_for_update()
        evidence: Evidence = msgspec.json.decode(connection.execute(query).scalar_one())
        for name, value in more.items():
            before = evidence.get(name, 0)
            both = isinstance(value, int) and isinstance(before, int)
            evidence[name] = before + value if both else value  # type: ignore[operator]
        text = msgspec.json.encode(evidence, order="sorted").decode()
        connection.execute(_row(shop, id_).values(evidence=text))

    def _now(self) -> datetime:
        return instant(self._clock.time())


def _row(shop: str, id_: str) -> Any:
    row = compliance_requests.c
    return update(compliance_requests).where(row.shop == shop, row.id == id_)


def _query() -> Any:
    row, late = compliance_requests.c, redacted_customers.c
    same = and_(late.shop == row.shop, late.subject == row.subject)
    return select(compliance_requests, late.late, late.late_at).outerjoin(redacted_customers, same)


def _request(row: Row[Any]) -> Request:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's name of a public thing
    evidence: Evidence = msgspec.json.decode(values.pop("evidence"))
    return Request(evidence=evidence, late=values.pop("late") or 0, **values)
