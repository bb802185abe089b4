"""The sandbox's GraphQL without HTTP: one query of one shop."""

from typing import Any

from graphql import ExecutionResult, execute_sync

from avnu.sandbox.admin import World
from avnu.sandbox.admin.asked import Asked
from avnu.sandbox.admin.documents import Documents
from avnu.sandbox.admin.schema import admin_schema, field_of, type_of
from avnu.sandbox.store import FIRST_DAY

_DOCUMENTS = Documents(admin_schema())


def ask(world: World, shop: str, text: str, **variables: Any) -> Any:
    """``data`` of the answer; an answer with errors fails the test."""
    tree = _DOCUMENTS.read(text).tree
    assert tree is not None
    asked = Asked(world.shop(shop), "basic", "2026-07", FIRST_DAY)
    result = execute_sync(
        admin_schema(), tree, None, asked, variables,
        field_resolver=field_of, type_resolver=type_of,
    )  # fmt: skip
    assert isinstance(result, ExecutionResult)
    assert not result.errors, result.errors
    return result.data
