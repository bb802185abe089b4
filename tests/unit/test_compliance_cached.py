"""What is cached of a shop holds nothing of customers, or goes when one of them is redacted."""

from typing import Any

import msgspec
import pytest

from avnu.cache.kinds import KINDS, CachedKind
from avnu.compliance.traces import WITH_CUSTOMERS, WITHOUT_CUSTOMERS

# Names of fields that a customer could stand behind.
_PERSONAL = ("customer", "email", "phone", "address", "first", "last", "tracking", "note", "buyer")


def test_every_kind_is_one_or_the_other() -> None:
    """Asks whoever adds a kind to ``avnu/cache/kinds.py`` for a decision."""
    assert WITHOUT_CUSTOMERS | {kind.name for kind in WITH_CUSTOMERS} == set(KINDS)
    assert not WITHOUT_CUSTOMERS & {kind.name for kind in WITH_CUSTOMERS}


@pytest.mark.parametrize(
    "kind", [KINDS[name] for name in sorted(WITHOUT_CUSTOMERS)], ids=lambda kind: kind.name
)
def test_a_kind_without_customers_has_no_field_for_one(kind: CachedKind[Any]) -> None:
    # The address of a subscription is the receiver's.
    fields = [
        name for name in fields_of(kind.holds) if (kind.name, name) != ("subscriptions", "address")
    ]
    assert fields
    assert [name for name in fields if any(word in name for word in _PERSONAL)] == []


def fields_of(holds: Any) -> list[str]:
    if isinstance(holds, type) and issubclass(holds, msgspec.Struct):
        return list(holds.__struct_fields__)
    return [name for part in holds.__args__ if part is not ... for name in fields_of(part)]
