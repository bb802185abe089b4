"""``POST /admin/api/<version>/graphql.json``: who may ask, what it costs, what is answered.

Order of checks: version, shop, standing, token, body, query, cost, bucket. As at Shopify, errors
of a query come with HTTP 200; ``extensions.cost`` is in every answer to a query that has a cost.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema
from graphql.execution.execute import assume_not_async_iterable, assume_not_awaitable

from avnu.clock import Clock
from avnu.sandbox.admin.answer import Answer, refused, told
from avnu.sandbox.admin.asked import Asked
from avnu.sandbox.admin.call import Call, Query
from avnu.sandbox.admin.cost import MOST_POINTS, CostExecutor
from avnu.sandbox.admin.documents import Documents
from avnu.sandbox.admin.refusal import DOCUMENTATION
from avnu.sandbox.admin.schema import field_of, type_of
from avnu.sandbox.admin.tenants import Standing, Tenant, Tenants
from avnu.sandbox.admin.tokens import TokenDesk

PATH = re.compile(r"/admin/api/(?P<version>[^/]+)/graphql\.json")
_VERSION = re.compile(r"20\d\d-(?:01|04|07|10)|unstable")
_UNKNOWN_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"  # noqa: S105


class GraphqlEndpoint:
    """Answers GraphQL calls. Safe to use from several threads."""

    def __init__(
        self, schema: GraphQLSchema, documents: Documents, tenants: Tenants, desk: TokenDesk,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._schema = schema
        self._documents = documents
        self._tenants = tenants
        self._desk = desk
        self._clock = clock

    def answer(
        self, call: Call, version: str, query: Query | None, pause: Callable[[], None]
    ) -> Answer:
        """The answer; ``pause`` is called once the points are taken and before anything runs."""
        tenant = self._admitted(call, version)
        if isinstance(tenant, Answer):
            return tenant
        if query is None:
            return refused(400, {"query": "Required parameter missing or invalid"})
        asked = Asked(tenant.world, tenant.standing.plan, version, self._clock.time())
        executor = self._executor(query, asked)
        if not isinstance(executor, CostExecutor):
            return _errors(executor)
        debug = call.headers.get("shopify-graphql-cost-debug", "0") != "0"
        return _Run(executor, tenant, debug).answer(pause)

    def _admitted(self, call: Call, version: str) -> Tenant | Answer:
        """The shop that the caller may ask, or the answer that ends the call."""
        if not _VERSION.fullmatch(version):
            return refused(404, "Not Found")
        try:
            tenant = self._tenants.of(call.shop)
        except KeyError:
            return refused(404, "Not Found")
        barred = _barred(tenant.standing)
        if barred is not None:
            return barred
        token = call.headers.get("x-shopify-access-token", "")
        if tenant.standing.uninstalled or not self._desk.is_good(call.shop, token):
            return refused(401, _UNKNOWN_TOKEN)
        return tenant

    def _executor(self, query: Query, asked: Asked) -> CostExecutor | Sequence[GraphQLError]:
        """What will run the query, or what is wrong with it."""
        document = self._documents.read(query.query)
        if document.errors or document.tree is None:
            return document.errors
        made = CostExecutor.build(
            self._schema,
            document.tree,
            None,
            asked,
            query.variables,
            query.operation_name,
            field_resolver=field_of,
            type_resolver=type_of,
            is_awaitable=assume_not_awaitable,
            is_async_iterable=assume_not_async_iterable,
        )
        assert isinstance(made, CostExecutor | list)
        return made


class _Run:
    """One query with a cost, on one bucket."""

    def __init__(self, executor: CostExecutor, tenant: Tenant, debug: bool) -> None:
        self._executor = executor
        self._bucket = tenant.bucket
        self._debug = debug

    def answer(self, pause: Callable[[], None]) -> Answer:
        try:
            requested = self._executor.requested()
        except GraphQLError as fault:
            return told(200, {"errors": [fault.formatted], "data": None}, "errors")
        if requested > MOST_POINTS:
            with self._bucket.lock:
                self._bucket.refill()
                cost = self._cost(requested, None)
            return told(200, {"errors": [too_dear(requested)], **cost}, "errors")
        with self._bucket.lock:
            fits = self._bucket.take(requested)
            cost = self._cost(requested, None)
        if not fits:
            return told(200, {"errors": [throttled()], **cost}, "throttled")
        return self._run(requested, pause)

    def _run(self, requested: int, pause: Callable[[], None]) -> Answer:
        # Charged in full unless the executor says otherwise, so that a fault costs no less.
        actual = requested
        try:
            pause()
            result = self._executor.execute_operation()
            assert isinstance(result, ExecutionResult)
            actual = self._executor.actual(requested)
        finally:
            with self._bucket.lock:
                self._bucket.give_back(requested, actual)
                cost = self._cost(requested, actual)
        document = {**result.formatted, **cost}
        outcome = "errors" if result.errors else "ok"
        return told(200, document, outcome, requested=requested, spent=actual)

    def _cost(self, requested: int, actual: int | None) -> dict[str, Any]:
        """The ``extensions`` of the answer; the bucket's lock is held."""
        cost: dict[str, Any] = {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": self._bucket.status(),
        }
        if self._debug:
            cost["fields"] = self._executor.fields
        return {"extensions": {"cost": cost}}


def throttled() -> dict[str, Any]:
    """The error of a query for which the bucket holds too little."""
    extensions = {"code": "THROTTLED", "documentation": DOCUMENTATION}
    return {"message": "Throttled", "extensions": extensions}


def too_dear(cost: int) -> dict[str, Any]:
    """The error of a query that costs more than any query may."""
    return {
        "message": (
            f"Query cost is {cost}, which exceeds the single query max cost limit "
            f"({MOST_POINTS}). See {DOCUMENTATION} for more information on how the cost of a "
            "query is calculated."
        ),
        "extensions": {
            "code": "MAX_COST_EXCEEDED",
            "cost": cost,
            "maxCost": MOST_POINTS,
            "documentation": DOCUMENTATION,
        },
    }


def _barred(standing: Standing) -> Answer | None:
    if standing.frozen:
        return refused(402, "Unavailable Shop")
    return refused(423, "This shop is unavailable") if standing.locked else None


def _errors(errors: Sequence[GraphQLError]) -> Answer:
    return told(200, {"errors": [fault.formatted for fault in errors]}, "errors")
