"""What a query costs: Shopify's rules, on queries that a human can add up."""

from typing import Any
from zlib import crc32

import pytest
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, parse, validate
from hypothesis import given, settings
from hypothesis import strategies as st

from avnu.sandbox.admin import World
from avnu.sandbox.admin.asked import Asked
from avnu.sandbox.admin.cost import CostExecutor
from avnu.sandbox.admin.gids import gid
from avnu.sandbox.admin.schema import admin_schema, field_of, type_of

SHOP = "amber-lamps.myshopify.com"
WORLD = World().shop(SHOP)
SCHEMA: GraphQLSchema = admin_schema()
IDS = [gid("Product", one) for one in WORLD.product_ids()]


def executor(query: str, variables: dict[str, Any] | None = None) -> CostExecutor:
    tree = parse(query)
    assert not validate(SCHEMA, tree)
    made = CostExecutor.build(
        SCHEMA, tree, None, Asked(WORLD, "basic", "2026-01", 0.0), variables,
        field_resolver=field_of, type_resolver=type_of,
    )  # fmt: skip
    assert isinstance(made, CostExecutor), made
    return made


def ran(query: str, variables: dict[str, Any] | None = None) -> tuple[int, int, Any]:
    """Requested cost, actual cost, data."""
    made = executor(query, variables)
    requested = made.requested()
    result = made.execute_operation()
    assert isinstance(result, ExecutionResult)
    assert not result.errors, result.errors
    return requested, made.actual(requested), result.data


CREATE = (
    "webhookSubscriptionCreate(topic: APP_UNINSTALLED, webhookSubscription: {})"
    "{userErrors{message field}}"
)
TOO_MANY = ",".join(['"gid://shopify/Product/1"'] * 251)


@pytest.mark.parametrize(
    ("query", "requested"),
    [
        ("{shop{id name}}", 1),
        ("{shop{id plan{shopifyPlus} primaryDomain{host}}}", 3),
        ("{__typename __schema{types{name fields{name}}}}", 0),
        ("{a:shop{id} b:shop{id}}", 2),
        ("{shop{id} shop{name plan{shopifyPlus}}}", 2),
        ("{products(first:50){nodes{id}}}", 50),
        ("{products(first:50){edges{cursor node{id}} pageInfo{endCursor}}}", 50),
        ("{products(first:10){nodes{id} edges{node{id}}}}", 20),
        ("{products(first:10){pageInfo{hasNextPage}}}", 10),
        ("{products(first:0){nodes{id}}}", 1),
        ("{products(last:7){nodes{id}}}", 7),
        ("{products(first:10){nodes{variantsCount{count}}}}", 20),
        ("{products(first:10){nodes{variants(first:5){nodes{id inventoryItem{id}}}}}}", 110),
        ("{locations(first:3){nodes{id}} shop{id}}", 4),
        ('{node(id:"gid://shopify/Product/1"){id}}', 1),
        (f"mutation{{{CREATE}}}", 10),
        (f"mutation{{a:{CREATE} b:{CREATE}}}", 20),
    ],
)  # fmt: skip
def test_the_requested_cost(query: str, requested: int) -> None:
    assert executor(query).requested() == requested


def test_nodes_cost_as_much_as_the_dearest_that_they_may_be() -> None:
    query = """query($ids: [ID!]!) { nodes(ids: $ids) {
        id
        ... on Product { variants(first: 10) { nodes { id } } }
        ... on ProductVariant { product { id } }
        ...place
    } }
    fragment place on Location { name }"""
    assert executor(query, {"ids": ["gid://shopify/Location/1"] * 3}).requested() == 3 * 11
    assert executor("query($ids:[ID!]!){nodes(ids:$ids){id}}", {"ids": IDS[:50]}).requested() == 50


def test_what_is_skipped_costs_nothing() -> None:
    query = """query($deep: Boolean!, $first: Int = 4) { products(first: $first) {
        nodes { id variants(first: 3) @include(if: $deep) { nodes { id } } } } }"""
    assert executor(query, {"deep": True}).requested() == 4 * 4
    assert executor(query, {"deep": False}).requested() == 4
    assert executor(query, {"deep": False, "first": 9}).requested() == 9


def test_the_actual_cost_counts_what_came_back() -> None:
    ids = [*IDS[:3], "gid://shopify/Product/1"]
    query = "query($ids:[ID!]!){nodes(ids:$ids){... on Product{variants(first:10){nodes{id}}}}}"
    requested, actual, data = ran(query, {"ids": ids})
    variants = sum(len(node["variants"]["nodes"]) for node in data["nodes"] if node)
    assert (requested, actual) == (44, 3 + variants)
    assert data["nodes"][3] is None


def test_an_empty_connection_costs_one() -> None:
    requested, actual, _ = ran("{webhookSubscriptions(first: 20) { nodes { id } }}")
    assert (requested, actual) == (20, 1)


def test_a_mutation_uses_what_it_asked_for() -> None:
    requested, actual, _ = ran(f"mutation{{{CREATE}}}")
    assert (requested, actual) == (10, 10)


def test_the_list_of_fields_adds_up() -> None:
    made = executor("{products(first:10){nodes{variants(first:5){nodes{id}}}} shop{id}}")
    total = made.requested()
    rows = {".".join(row.path): row for row in made.fields}
    assert rows["products"].requested_total_cost + rows["shop"].requested_total_cost == total
    assert all(
        row.defined_cost + row.requested_children_cost == row.requested_total_cost
        for row in made.fields
    )
    assert rows["products.nodes.variants"].requested_total_cost == 5


@pytest.mark.parametrize(
    ("query", "message", "code"),
    [
        ("{products{nodes{id}}}", "you must provide one of first or last", "BAD_REQUEST"),
        ("{products(first:1,last:1){nodes{id}}}", "both first and last", "BAD_REQUEST"),
        ("{products(first:251){nodes{id}}}", "first must be from 0 to 250", "BAD_REQUEST"),
        ("{products(first:-1){nodes{id}}}", "first must be from 0 to 250", "BAD_REQUEST"),
        ("{products(first:1){nodes{variants{nodes{id}}}}}", "one of first", "BAD_REQUEST"),
        (
            f"{{nodes(ids:[{TOO_MANY}]){{id}}}}",
            "array size of 251 is greater than the maximum allowed of 250",
            "MAX_INPUT_SIZE_EXCEEDED",
        ),
    ],
)  # fmt: skip
def test_what_has_no_cost(query: str, message: str, code: str) -> None:
    with pytest.raises(GraphQLError, match=message) as told:
        executor(query).requested()
    assert told.value.extensions == {"code": code}
    assert told.value.path


PRODUCT: st.SearchStrategy[str] = st.deferred(
    lambda: st.lists(
        st.one_of(
            st.sampled_from(["id title", "variantsCount{count}"]),
            connection("variants", VARIANT),
        ),
        min_size=1, max_size=2,
    ).map(" ".join)
)  # fmt: skip
VARIANT: st.SearchStrategy[str] = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["id sku", "inventoryItem{id}"]),
        PRODUCT.map(lambda inner: f"product{{{inner}}}"),
    )
)


def connection(name: str, inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    size = st.tuples(st.sampled_from(["first", "last"]), st.integers(0, 6))
    parts = st.tuples(st.booleans(), inner, st.booleans())

    def written(drawn: tuple[tuple[str, int], tuple[bool, str, bool]]) -> str:
        (which, count), (edges, below, info) = drawn
        rows = f"edges{{cursor node{{{below}}}}}" if edges else f"nodes{{{below}}}"
        alias = f"{name}{crc32(repr((which, count, edges, below)).encode())}"
        return f"{alias}:{name}({which}:{count}){{{rows} {'pageInfo{endCursor}' * info}}}"

    return st.tuples(size, parts).map(written)


@settings(max_examples=60)
@given(connection("products", PRODUCT))
def test_nothing_costs_more_than_was_requested(selection: str) -> None:
    made = executor(f"{{{selection}}}")
    requested = made.requested()
    result = made.execute_operation()
    assert isinstance(result, ExecutionResult)
    assert not result.errors
    # Before ``actual`` takes the smaller of the two.
    assert 1 <= made._counted <= requested
