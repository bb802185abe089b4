"""Query texts, parsed and validated once each."""

import functools

import msgspec
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    validate,
)

#: Texts remembered; the least recently used go first.
MOST_TEXTS = 500


class Document(msgspec.Struct, frozen=True):
    """One query text: ``errors`` is empty when it may be run."""

    tree: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    names: tuple[str, ...]  # of its operations; "" for one without

    def operation(self, asked: str) -> str:
        """The name of the operation that runs when ``asked`` is asked for; empty if unknown."""
        if asked:
            return asked if asked in self.names else ""
        return self.names[0] if len(self.names) == 1 else ""


class Documents:
    """The texts that one schema has been asked. Safe to use from several threads."""

    def __init__(self, schema: GraphQLSchema, most: int = MOST_TEXTS) -> None:
        self._schema = schema
        self.read = functools.lru_cache(maxsize=most)(self._read)

    def _read(self, text: str) -> Document:
        try:
            tree = parse(text)
        except GraphQLError as fault:
            return Document(None, (fault,), ())
        names = tuple(
            one.name.value if one.name else ""
            for one in tree.definitions
            if isinstance(one, OperationDefinitionNode)
        )
        return Document(tree, tuple(validate(self._schema, tree)), names)
