"""GraphQL errors with a code, as Shopify writes them into ``errors[].extensions.code``."""

from collections.abc import Collection
from typing import Any

from graphql import GraphQLError
from graphql.language import Node

DOCUMENTATION = "https://shopify.dev/api/usage/rate-limits"


def refusal(
    message: str,
    code: str,
    nodes: Collection[Node] | None = None,
    path: Collection[str | int] | None = None,
    **more: Any,
) -> GraphQLError:
    """An error to raise; ``more`` stands beside the code.

    A resolver need not say where: the executor adds node and path.
    """
    return GraphQLError(message, nodes, path=path, extensions={"code": code, **more})


def too_many(size: int, most: int, nodes: Collection[Node], path: Collection[str]) -> GraphQLError:
    """An array in the input is too long."""
    message = f"The input array size of {size} is greater than the maximum allowed of {most}."
    return refusal(message, "MAX_INPUT_SIZE_EXCEEDED", nodes, path)


def bad_request(
    message: str, nodes: Collection[Node] | None = None, path: Collection[str] | None = None
) -> GraphQLError:
    """What the caller asks cannot be asked."""
    return refusal(message, "BAD_REQUEST", nodes, path)
