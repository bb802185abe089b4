"""What a query costs: the requested cost before it runs, the actual cost after.

Facts (Shopify's documentation of the GraphQL Admin API's rate limits, 2026-07): a scalar or an enum
costs 0, an object 1, an interface or a union as much as the dearest object that it may be, a
connection is sized by ``first`` or ``last``, a mutation costs 10; a single query may cost 1,000; an
input array may hold 250 things, a page 250 rows.

The sandbox's reading of it: a connection costs its size times a node, which costs at least 1; its
edges and its ``pageInfo`` cost nothing. ``nodes(ids:)`` costs one object per id. What is selected
from the result of a mutation costs nothing, and a mutation's actual cost is what was requested.
The actual cost of a query counts what came back: each object, and an empty connection as 1.
"""

from typing import Any

import msgspec
from graphql import (
    Executor,
    FieldNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    OperationType,
    get_argument_values,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet, collect_fields
from graphql.pyutils import AwaitableOrValue, Path

from avnu.sandbox.admin.refusal import bad_request, too_many

MOST_POINTS = 1_000
MOST_ROWS = 250
MUTATION = 10
_CONNECTION = "Connection"


class FieldCost(msgspec.Struct, frozen=True, rename="camel"):
    """A row of the list that ``Shopify-GraphQL-Cost-Debug: 1`` asks for."""

    path: list[str]
    defined_cost: int
    requested_total_cost: int
    requested_children_cost: int


class CostExecutor(Executor[None]):
    """Runs one operation and counts; every method is for one thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields: list[FieldCost] = []  # filled by ``requested``
        self._counted = 0

    def requested(self) -> int:
        """Points that must be there before it may run.

        Raises GraphQLError for a connection without a size, and for too many rows or ids.
        """
        operation = self.operation.operation
        root = self.schema.get_root_type(operation)
        assert root is not None
        selected = collect_fields(
            self.schema, self.fragments, self.variable_values, root, self.operation
        ).grouped_field_set
        if operation == OperationType.MUTATION:
            return sum(self._row([name], MUTATION, 0) for name in selected)
        return self._selection(root, selected, [])

    def actual(self, requested: int) -> int:
        """Points that the operation used, once it has run; never more than ``requested``."""
        if self.operation.operation == OperationType.MUTATION:
            return requested
        return min(self._counted, requested)

    def complete_object_value(  # noqa: PLR0917 - the executor's
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: None,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Count the object; the executor calls this for each one that it makes."""
        before = self._counted
        if not _is_free(return_type):
            self._counted += 1
        made = super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )
        if return_type.name.endswith(_CONNECTION):
            self._counted = max(self._counted, before + 1)
        return made

    def _selection(
        self, parent: GraphQLObjectType, selected: GroupedFieldSet, path: list[str]
    ) -> int:
        return sum(
            self._field(parent, details, [*path, name]) for name, details in selected.items()
        )

    def _field(self, parent: GraphQLObjectType, details: FieldDetailsList, path: list[str]) -> int:
        node = details[0].node
        definition = parent.fields.get(node.name.value)
        if definition is None:  # __typename, __schema
            return 0
        kind = get_named_type(definition.type)
        if is_leaf_type(kind):
            return 0
        args = get_argument_values(definition, node, self.variable_values)
        if kind.name.endswith(_CONNECTION):
            size = _size(definition, args, node, path)
            children = size * (max(1, self._rows(kind, details, path)) - 1)
            return self._row(path, max(1, size), children)
        ids = args.get("ids")
        if ids is not None and len(ids) > MOST_ROWS:
            raise too_many(len(ids), MOST_ROWS, [node], [*path, "ids"])
        count = 1 if ids is None else len(ids)
        return self._row(path, count, count * self._children(kind, details, path))

    def _children(self, kind: GraphQLNamedType, details: FieldDetailsList, path: list[str]) -> int:
        """What is selected below one object."""
        if is_abstract_type(kind):
            return max(self._below(one, details, path) for one in self._possible(kind))
        assert isinstance(kind, GraphQLObjectType)
        return self._below(kind, details, path)

    def _below(self, kind: GraphQLObjectType, details: FieldDetailsList, path: list[str]) -> int:
        selected = self.collect_subfields(kind, details).grouped_field_set
        return self._selection(kind, selected, path)

    def _rows(self, kind: GraphQLNamedType, details: FieldDetailsList, path: list[str]) -> int:
        """One row of a connection: its node, as often as it is asked for."""
        assert isinstance(kind, GraphQLObjectType)
        cost = 0
        for name, below in self.collect_subfields(kind, details).grouped_field_set.items():
            field = below[0].node.name.value
            inner = get_named_type(kind.fields[field].type) if field in kind.fields else None
            if field == "nodes" and inner is not None:
                cost += 1 + self._children(inner, below, [*path, name])
            elif field == "edges" and inner is not None:
                cost += self._edge(inner, below, [*path, name])
        return cost

    def _edge(self, kind: GraphQLNamedType, details: FieldDetailsList, path: list[str]) -> int:
        assert isinstance(kind, GraphQLObjectType)
        selected = self.collect_subfields(kind, details).grouped_field_set
        return self._selection(kind, selected, path)

    def _possible(self, kind: GraphQLAbstractType) -> list[GraphQLObjectType]:
        return list(self.schema.get_possible_types(kind))

    def _row(self, path: list[str], defined: int, children: int) -> int:
        """Note a field for the list, and return its whole cost."""
        self.fields.append(FieldCost(path, defined, defined + children, children))
        return defined + children


def _is_free(kind: GraphQLObjectType) -> bool:
    """What carries a list, and what tells about the schema."""
    name = kind.name
    return name == "PageInfo" or name.endswith((_CONNECTION, "Edge")) or name.startswith("__")


def _size(definition: GraphQLField, args: dict[str, Any], node: FieldNode, path: list[str]) -> int:
    """Rows that a connection is asked for."""
    sizes = {name: args[name] for name in ("first", "last") if args.get(name) is not None}
    if not sizes:
        raise bad_request("you must provide one of first or last", [node], path)
    if len(sizes) > 1:
        raise bad_request("providing both first and last is not supported", [node], path)
    ((name, size),) = sizes.items()
    assert name in definition.args
    if not 0 <= size <= MOST_ROWS:
        message = f"{name} must be from 0 to {MOST_ROWS}, and is {size}"
        raise bad_request(message, [node], path)
    return int(size)
